// TensorFlow Lite's schema, as far as its tables' fields hold offsets. Field numbers are schema.fbs's.
#ifndef EXRAY_MODEL_SCHEMA_H
#define EXRAY_MODEL_SCHEMA_H

#include "flatbuffer.h"

extern const struct fb_type MODEL_TYPE;

enum { MODEL_OPERATOR_CODES = 1, MODEL_SUBGRAPHS = 2, MODEL_BUFFERS = 4, MODEL_METADATA = 6, MODEL_SIGNATURES = 7 };
enum { SUBGRAPH_TENSORS = 0, SUBGRAPH_INPUTS = 1, SUBGRAPH_OUTPUTS = 2, SUBGRAPH_OPERATORS = 3 };
enum { TENSOR_BUFFER = 2 };
enum {
    OPERATOR_CODE = 0,
    OPERATOR_INPUTS = 1,
    OPERATOR_OUTPUTS = 2,
    OPERATOR_INTERMEDIATES = 8,
    OPERATOR_LARGE_OFFSET = 9,
    OPERATOR_LARGE_SIZE = 10,
};
enum { BUFFER_DATA = 0, BUFFER_OFFSET = 1, BUFFER_SIZE = 2 };
enum { METADATA_BUFFER = 1 };
enum { SIGNATURE_INPUTS = 0, SIGNATURE_OUTPUTS = 1, SIGNATURE_SUBGRAPH = 4 };
enum { TENSOR_MAP_TENSOR = 1 };

#endif
