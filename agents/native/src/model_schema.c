#include "model_schema.h"

#define SCALAR(bytes) {.kind = FB_SCALAR, .size = (bytes)}
#define STRING {.kind = FB_STRING}
#define VECTOR(bytes) {.kind = FB_VECTOR, .size = (bytes)}
#define TABLE(of) {.kind = FB_TABLE, .type = &(of)}
#define TABLES(of) {.kind = FB_TABLES, .type = &(of)}
#define UNION(of) {.kind = FB_UNION, .leaves = (of)}
#define TYPE(variable, text, fields) \
    static const struct fb_type variable = {text, sizeof(fields) / sizeof *(fields), fields}

static const struct fb_leaf BUILTIN_OPTIONS[] = {
    {3, 1, 4},                // ConcatEmbeddings
    {3, 2, 4},
    {8, 5, 1},                // FullyConnected
    {17, 0, 4},               // Reshape
    {30, 0, 4},               // Squeeze
    {111, 0, 0}, {111, 1, 0}, // VarHandle
    {115, 0, 4},              // Bucketize
    {0, 0, 0},
};

static const struct fb_leaf BUILTIN_OPTIONS_2[] = {
    {2, 0, 8},  // StablehloBroadcastInDim
    {3, 0, 8}, {3, 1, 8}, {3, 2, 8},                                                      // Slice
    {4, 0, 8}, {4, 1, 8}, {4, 2, 8}, {4, 3, 8}, {4, 4, 1}, {4, 7, 8}, {4, 10, 8}, {4, 13, 8}, {4, 16, 4}, // Convolution
    {5, 0, 0}, {5, 2, 0}, {5, 4, 4}, {5, 5, 1},                                           // CustomCall
    {6, 0, 8},                                                                            // Reduce
    {7, 1, 8}, {7, 2, 8}, {7, 3, 8},                                                      // Scatter
    {9, 0, 8},                                                                            // DynamicSlice
    {10, 0, 8}, {10, 1, 8}, {10, 2, 8},                                                   // Pad
    {12, 0, 8}, {12, 1, 8}, {12, 2, 8}, {12, 3, 8}, {12, 4, 4},                           // DotGeneral
    {13, 0, 8}, {13, 1, 8}, {13, 2, 8}, {13, 3, 8}, {13, 4, 8},                           // ReduceWindow
    {16, 0, 8}, {16, 1, 8}, {16, 2, 8}, {16, 4, 8},                                       // Gather
    {17, 0, 8},                                                                           // Transpose
    {21, 0, 0}, {21, 2, 1},                                                               // Composite
    {23, 0, 4},                                                                           // Case
    {0, 0, 0},
};

static const struct fb_leaf QUANTIZATION_DETAILS[] = {
    {1, 0, 1},  // Custom
    {2, 3, 4},  // Blockwise
    {3, 3, 4},  // MultiAxis
    {0, 0, 0},
};

static const struct fb_leaf SPARSE_INDEX_VECTOR[] = {{1, 0, 4}, {2, 0, 2}, {3, 0, 1}, {0, 0, 0}};

static const struct fb_field OPERATOR_CODE_FIELDS[] = {SCALAR(1), STRING, SCALAR(4), SCALAR(4)};
TYPE(OPERATOR_CODE_TYPE, "an operator code", OPERATOR_CODE_FIELDS);

static const struct fb_field QUANTIZATION_FIELDS[] = {VECTOR(4), VECTOR(4), VECTOR(4), VECTOR(8),
                                                      SCALAR(1), UNION(QUANTIZATION_DETAILS), SCALAR(4)};
TYPE(QUANTIZATION_TYPE, "a tensor's quantization", QUANTIZATION_FIELDS);

static const struct fb_field DIMENSION_FIELDS[] = {SCALAR(1), SCALAR(4), SCALAR(1), UNION(SPARSE_INDEX_VECTOR),
                                                   SCALAR(1), UNION(SPARSE_INDEX_VECTOR)};
TYPE(DIMENSION_TYPE, "a sparse tensor's dimension", DIMENSION_FIELDS);

static const struct fb_field SPARSITY_FIELDS[] = {VECTOR(4), VECTOR(4), TABLES(DIMENSION_TYPE)};
TYPE(SPARSITY_TYPE, "a tensor's sparsity", SPARSITY_FIELDS);

static const struct fb_field VARIANT_FIELDS[] = {VECTOR(4), SCALAR(1), SCALAR(1)};
TYPE(VARIANT_TYPE, "a variant tensor", VARIANT_FIELDS);

static const struct fb_field TENSOR_FIELDS[] = {
    VECTOR(4), SCALAR(1), SCALAR(4), STRING, TABLE(QUANTIZATION_TYPE), SCALAR(1), TABLE(SPARSITY_TYPE),
    VECTOR(4), SCALAR(1), TABLES(VARIANT_TYPE), SCALAR(4),
};
TYPE(TENSOR_TYPE, "a tensor", TENSOR_FIELDS);

static const struct fb_field OPERATOR_FIELDS[] = {
    SCALAR(4), VECTOR(4), VECTOR(4), SCALAR(1), UNION(BUILTIN_OPTIONS), VECTOR(1), SCALAR(1),
    VECTOR(1), VECTOR(4), SCALAR(8), SCALAR(8), SCALAR(1), UNION(BUILTIN_OPTIONS_2), SCALAR(4),
};
TYPE(OPERATOR_TYPE, "an operator", OPERATOR_FIELDS);

static const struct fb_field SUBGRAPH_FIELDS[] = {TABLES(TENSOR_TYPE), VECTOR(4), VECTOR(4), TABLES(OPERATOR_TYPE),
                                                  STRING, SCALAR(4)};
TYPE(SUBGRAPH_TYPE, "a subgraph", SUBGRAPH_FIELDS);

static const struct fb_field BUFFER_FIELDS[] = {VECTOR(1), SCALAR(8), SCALAR(8)};
TYPE(BUFFER_TYPE, "a buffer", BUFFER_FIELDS);

static const struct fb_field METADATA_FIELDS[] = {STRING, SCALAR(4)};
TYPE(METADATA_TYPE, "a metadata entry", METADATA_FIELDS);

static const struct fb_field TENSOR_MAP_FIELDS[] = {STRING, SCALAR(4)};
TYPE(TENSOR_MAP_TYPE, "a signature's tensor", TENSOR_MAP_FIELDS);

static const struct fb_field SIGNATURE_FIELDS[] = {TABLES(TENSOR_MAP_TYPE), TABLES(TENSOR_MAP_TYPE), STRING, SCALAR(1),
                                                   SCALAR(4)};
TYPE(SIGNATURE_TYPE, "a signature", SIGNATURE_FIELDS);

static const struct fb_field GROUP_FIELDS[] = {STRING};
TYPE(GROUP_TYPE, "a group of external buffers", GROUP_FIELDS);

static const struct fb_field EXTERNAL_FIELDS[] = {SCALAR(4), SCALAR(4), SCALAR(8), SCALAR(8), STRING};
TYPE(EXTERNAL_TYPE, "an external buffer", EXTERNAL_FIELDS);

static const struct fb_field MODEL_FIELDS[] = {
    SCALAR(4), TABLES(OPERATOR_CODE_TYPE), TABLES(SUBGRAPH_TYPE), STRING, TABLES(BUFFER_TYPE), VECTOR(4),
    TABLES(METADATA_TYPE), TABLES(SIGNATURE_TYPE), TABLES(GROUP_TYPE), TABLES(EXTERNAL_TYPE),
};
const struct fb_type MODEL_TYPE = {"the model", sizeof MODEL_FIELDS / sizeof *MODEL_FIELDS, MODEL_FIELDS};
