from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Pass(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PASS_UNSPECIFIED: _ClassVar[Pass]
    PASS_LATENCY: _ClassVar[Pass]
    PASS_LAYERS: _ClassVar[Pass]
    PASS_PROFILE: _ClassVar[Pass]
    PASS_ISOLATED: _ClassVar[Pass]
    PASS_APP: _ClassVar[Pass]

class DType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DTYPE_UNSPECIFIED: _ClassVar[DType]
    DTYPE_BOOL: _ClassVar[DType]
    DTYPE_INT4: _ClassVar[DType]
    DTYPE_INT8: _ClassVar[DType]
    DTYPE_INT16: _ClassVar[DType]
    DTYPE_INT32: _ClassVar[DType]
    DTYPE_INT64: _ClassVar[DType]
    DTYPE_UINT8: _ClassVar[DType]
    DTYPE_UINT16: _ClassVar[DType]
    DTYPE_UINT32: _ClassVar[DType]
    DTYPE_UINT64: _ClassVar[DType]
    DTYPE_FLOAT16: _ClassVar[DType]
    DTYPE_BFLOAT16: _ClassVar[DType]
    DTYPE_FLOAT32: _ClassVar[DType]
    DTYPE_FLOAT64: _ClassVar[DType]

class Role(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLE_UNSPECIFIED: _ClassVar[Role]
    ROLE_INPUT: _ClassVar[Role]
    ROLE_OUTPUT: _ClassVar[Role]
    ROLE_LAYER: _ClassVar[Role]
PASS_UNSPECIFIED: Pass
PASS_LATENCY: Pass
PASS_LAYERS: Pass
PASS_PROFILE: Pass
PASS_ISOLATED: Pass
PASS_APP: Pass
DTYPE_UNSPECIFIED: DType
DTYPE_BOOL: DType
DTYPE_INT4: DType
DTYPE_INT8: DType
DTYPE_INT16: DType
DTYPE_INT32: DType
DTYPE_INT64: DType
DTYPE_UINT8: DType
DTYPE_UINT16: DType
DTYPE_UINT32: DType
DTYPE_UINT64: DType
DTYPE_FLOAT16: DType
DTYPE_BFLOAT16: DType
DTYPE_FLOAT32: DType
DTYPE_FLOAT64: DType
ROLE_UNSPECIFIED: Role
ROLE_INPUT: Role
ROLE_OUTPUT: Role
ROLE_LAYER: Role

class Header(_message.Message):
    __slots__ = ("format", "agent_version", "abi", "agent_sha256", "model_sha256", "runtime_sha256", "kernel", "fully_accelerated", "threads", "warmup", "repetitions", "wall_ns", "monotonic_ns", "preprocess", "labels", "accelerator", "accelerator_used", "cpu_mask", "cpu_mask_used", "byte_budget", "audio", "text", "app")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    PASS_FIELD_NUMBER: _ClassVar[int]
    AGENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    ABI_FIELD_NUMBER: _ClassVar[int]
    AGENT_SHA256_FIELD_NUMBER: _ClassVar[int]
    MODEL_SHA256_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_SHA256_FIELD_NUMBER: _ClassVar[int]
    KERNEL_FIELD_NUMBER: _ClassVar[int]
    FULLY_ACCELERATED_FIELD_NUMBER: _ClassVar[int]
    THREADS_FIELD_NUMBER: _ClassVar[int]
    WARMUP_FIELD_NUMBER: _ClassVar[int]
    REPETITIONS_FIELD_NUMBER: _ClassVar[int]
    WALL_NS_FIELD_NUMBER: _ClassVar[int]
    MONOTONIC_NS_FIELD_NUMBER: _ClassVar[int]
    PREPROCESS_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    ACCELERATOR_FIELD_NUMBER: _ClassVar[int]
    ACCELERATOR_USED_FIELD_NUMBER: _ClassVar[int]
    CPU_MASK_FIELD_NUMBER: _ClassVar[int]
    CPU_MASK_USED_FIELD_NUMBER: _ClassVar[int]
    BYTE_BUDGET_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    APP_FIELD_NUMBER: _ClassVar[int]
    format: int
    agent_version: str
    abi: str
    agent_sha256: bytes
    model_sha256: bytes
    runtime_sha256: bytes
    kernel: str
    fully_accelerated: bool
    threads: int
    warmup: int
    repetitions: int
    wall_ns: int
    monotonic_ns: int
    preprocess: Preprocess
    labels: _containers.ScalarMap[str, str]
    accelerator: str
    accelerator_used: str
    cpu_mask: int
    cpu_mask_used: int
    byte_budget: int
    audio: Audio
    text: Text
    app: str
    def __init__(self, format: _Optional[int] = ..., agent_version: _Optional[str] = ..., abi: _Optional[str] = ..., agent_sha256: _Optional[bytes] = ..., model_sha256: _Optional[bytes] = ..., runtime_sha256: _Optional[bytes] = ..., kernel: _Optional[str] = ..., fully_accelerated: _Optional[bool] = ..., threads: _Optional[int] = ..., warmup: _Optional[int] = ..., repetitions: _Optional[int] = ..., wall_ns: _Optional[int] = ..., monotonic_ns: _Optional[int] = ..., preprocess: _Optional[_Union[Preprocess, _Mapping]] = ..., labels: _Optional[_Mapping[str, str]] = ..., accelerator: _Optional[str] = ..., accelerator_used: _Optional[str] = ..., cpu_mask: _Optional[int] = ..., cpu_mask_used: _Optional[int] = ..., byte_budget: _Optional[int] = ..., audio: _Optional[_Union[Audio, _Mapping]] = ..., text: _Optional[_Union[Text, _Mapping]] = ..., app: _Optional[str] = ..., **kwargs) -> None: ...

class Preprocess(_message.Message):
    __slots__ = ("rotate", "crop", "resize", "channels", "mean", "std", "fit", "pad")
    ROTATE_FIELD_NUMBER: _ClassVar[int]
    CROP_FIELD_NUMBER: _ClassVar[int]
    RESIZE_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    STD_FIELD_NUMBER: _ClassVar[int]
    FIT_FIELD_NUMBER: _ClassVar[int]
    PAD_FIELD_NUMBER: _ClassVar[int]
    rotate: int
    crop: float
    resize: str
    channels: str
    mean: _containers.RepeatedScalarFieldContainer[float]
    std: _containers.RepeatedScalarFieldContainer[float]
    fit: str
    pad: int
    def __init__(self, rotate: _Optional[int] = ..., crop: _Optional[float] = ..., resize: _Optional[str] = ..., channels: _Optional[str] = ..., mean: _Optional[_Iterable[float]] = ..., std: _Optional[_Iterable[float]] = ..., fit: _Optional[str] = ..., pad: _Optional[int] = ...) -> None: ...

class Audio(_message.Message):
    __slots__ = ("sample_rate", "channel", "scale", "features", "window", "frame_length", "frame_step", "fft_length", "spectrum", "mel_bins", "low_hz", "high_hz", "log", "log_floor", "coefficients", "mean", "std")
    SAMPLE_RATE_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    SCALE_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    FRAME_LENGTH_FIELD_NUMBER: _ClassVar[int]
    FRAME_STEP_FIELD_NUMBER: _ClassVar[int]
    FFT_LENGTH_FIELD_NUMBER: _ClassVar[int]
    SPECTRUM_FIELD_NUMBER: _ClassVar[int]
    MEL_BINS_FIELD_NUMBER: _ClassVar[int]
    LOW_HZ_FIELD_NUMBER: _ClassVar[int]
    HIGH_HZ_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    LOG_FLOOR_FIELD_NUMBER: _ClassVar[int]
    COEFFICIENTS_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    STD_FIELD_NUMBER: _ClassVar[int]
    sample_rate: int
    channel: str
    scale: str
    features: str
    window: str
    frame_length: int
    frame_step: int
    fft_length: int
    spectrum: str
    mel_bins: int
    low_hz: float
    high_hz: float
    log: str
    log_floor: float
    coefficients: int
    mean: float
    std: float
    def __init__(self, sample_rate: _Optional[int] = ..., channel: _Optional[str] = ..., scale: _Optional[str] = ..., features: _Optional[str] = ..., window: _Optional[str] = ..., frame_length: _Optional[int] = ..., frame_step: _Optional[int] = ..., fft_length: _Optional[int] = ..., spectrum: _Optional[str] = ..., mel_bins: _Optional[int] = ..., low_hz: _Optional[float] = ..., high_hz: _Optional[float] = ..., log: _Optional[str] = ..., log_floor: _Optional[float] = ..., coefficients: _Optional[int] = ..., mean: _Optional[float] = ..., std: _Optional[float] = ...) -> None: ...

class Text(_message.Message):
    __slots__ = ("vocabulary_sha256", "tokenizer", "lowercase", "padding", "truncation", "unknown", "pad", "start", "end", "inputs")
    VOCABULARY_SHA256_FIELD_NUMBER: _ClassVar[int]
    TOKENIZER_FIELD_NUMBER: _ClassVar[int]
    LOWERCASE_FIELD_NUMBER: _ClassVar[int]
    PADDING_FIELD_NUMBER: _ClassVar[int]
    TRUNCATION_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    PAD_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    vocabulary_sha256: bytes
    tokenizer: str
    lowercase: bool
    padding: str
    truncation: str
    unknown: int
    pad: int
    start: int
    end: int
    inputs: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, vocabulary_sha256: _Optional[bytes] = ..., tokenizer: _Optional[str] = ..., lowercase: _Optional[bool] = ..., padding: _Optional[str] = ..., truncation: _Optional[str] = ..., unknown: _Optional[int] = ..., pad: _Optional[int] = ..., start: _Optional[int] = ..., end: _Optional[int] = ..., inputs: _Optional[_Iterable[str]] = ...) -> None: ...

class TensorSpec(_message.Message):
    __slots__ = ("id", "role", "position", "tensor_index", "name", "dtype", "shape", "scale", "zero_point", "quantized_dimension")
    ID_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    TENSOR_INDEX_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    SCALE_FIELD_NUMBER: _ClassVar[int]
    ZERO_POINT_FIELD_NUMBER: _ClassVar[int]
    QUANTIZED_DIMENSION_FIELD_NUMBER: _ClassVar[int]
    id: int
    role: Role
    position: int
    tensor_index: int
    name: str
    dtype: DType
    shape: _containers.RepeatedScalarFieldContainer[int]
    scale: _containers.RepeatedScalarFieldContainer[float]
    zero_point: _containers.RepeatedScalarFieldContainer[int]
    quantized_dimension: int
    def __init__(self, id: _Optional[int] = ..., role: _Optional[_Union[Role, str]] = ..., position: _Optional[int] = ..., tensor_index: _Optional[int] = ..., name: _Optional[str] = ..., dtype: _Optional[_Union[DType, str]] = ..., shape: _Optional[_Iterable[int]] = ..., scale: _Optional[_Iterable[float]] = ..., zero_point: _Optional[_Iterable[int]] = ..., quantized_dimension: _Optional[int] = ...) -> None: ...

class TensorData(_message.Message):
    __slots__ = ("spec", "frame", "data")
    SPEC_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    spec: int
    frame: int
    data: bytes
    def __init__(self, spec: _Optional[int] = ..., frame: _Optional[int] = ..., data: _Optional[bytes] = ...) -> None: ...

class Statistics(_message.Message):
    __slots__ = ("spec", "frame", "count", "min", "max", "mean", "rms", "saturated", "nan")
    SPEC_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    MIN_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    RMS_FIELD_NUMBER: _ClassVar[int]
    SATURATED_FIELD_NUMBER: _ClassVar[int]
    NAN_FIELD_NUMBER: _ClassVar[int]
    spec: int
    frame: int
    count: int
    min: float
    max: float
    mean: float
    rms: float
    saturated: int
    nan: int
    def __init__(self, spec: _Optional[int] = ..., frame: _Optional[int] = ..., count: _Optional[int] = ..., min: _Optional[float] = ..., max: _Optional[float] = ..., mean: _Optional[float] = ..., rms: _Optional[float] = ..., saturated: _Optional[int] = ..., nan: _Optional[int] = ...) -> None: ...

class Conditions(_message.Message):
    __slots__ = ("when", "time_ns", "clocks", "temperatures")
    class When(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        WHEN_UNSPECIFIED: _ClassVar[Conditions.When]
        BEFORE: _ClassVar[Conditions.When]
        AFTER: _ClassVar[Conditions.When]
    WHEN_UNSPECIFIED: Conditions.When
    BEFORE: Conditions.When
    AFTER: Conditions.When
    WHEN_FIELD_NUMBER: _ClassVar[int]
    TIME_NS_FIELD_NUMBER: _ClassVar[int]
    CLOCKS_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURES_FIELD_NUMBER: _ClassVar[int]
    when: Conditions.When
    time_ns: int
    clocks: _containers.RepeatedCompositeFieldContainer[Clock]
    temperatures: _containers.RepeatedCompositeFieldContainer[Temperature]
    def __init__(self, when: _Optional[_Union[Conditions.When, str]] = ..., time_ns: _Optional[int] = ..., clocks: _Optional[_Iterable[_Union[Clock, _Mapping]]] = ..., temperatures: _Optional[_Iterable[_Union[Temperature, _Mapping]]] = ...) -> None: ...

class Clock(_message.Message):
    __slots__ = ("cpu", "khz")
    CPU_FIELD_NUMBER: _ClassVar[int]
    KHZ_FIELD_NUMBER: _ClassVar[int]
    cpu: int
    khz: int
    def __init__(self, cpu: _Optional[int] = ..., khz: _Optional[int] = ...) -> None: ...

class Temperature(_message.Message):
    __slots__ = ("zone", "millicelsius")
    ZONE_FIELD_NUMBER: _ClassVar[int]
    MILLICELSIUS_FIELD_NUMBER: _ClassVar[int]
    zone: str
    millicelsius: int
    def __init__(self, zone: _Optional[str] = ..., millicelsius: _Optional[int] = ...) -> None: ...

class Frame(_message.Message):
    __slots__ = ("index", "repetition", "name", "start_ns", "preprocess_ns", "invoke_ns", "rss_bytes", "duration_ns")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    REPETITION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    START_NS_FIELD_NUMBER: _ClassVar[int]
    PREPROCESS_NS_FIELD_NUMBER: _ClassVar[int]
    INVOKE_NS_FIELD_NUMBER: _ClassVar[int]
    RSS_BYTES_FIELD_NUMBER: _ClassVar[int]
    DURATION_NS_FIELD_NUMBER: _ClassVar[int]
    index: int
    repetition: int
    name: str
    start_ns: int
    preprocess_ns: int
    invoke_ns: int
    rss_bytes: int
    duration_ns: int
    def __init__(self, index: _Optional[int] = ..., repetition: _Optional[int] = ..., name: _Optional[str] = ..., start_ns: _Optional[int] = ..., preprocess_ns: _Optional[int] = ..., invoke_ns: _Optional[int] = ..., rss_bytes: _Optional[int] = ..., duration_ns: _Optional[int] = ...) -> None: ...

class OpTimes(_message.Message):
    __slots__ = ("frame", "ops")
    FRAME_FIELD_NUMBER: _ClassVar[int]
    OPS_FIELD_NUMBER: _ClassVar[int]
    frame: int
    ops: _containers.RepeatedCompositeFieldContainer[OpTime]
    def __init__(self, frame: _Optional[int] = ..., ops: _Optional[_Iterable[_Union[OpTime, _Mapping]]] = ...) -> None: ...

class OpTime(_message.Message):
    __slots__ = ("tag", "type", "index", "start_us", "duration_us")
    TAG_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    START_US_FIELD_NUMBER: _ClassVar[int]
    DURATION_US_FIELD_NUMBER: _ClassVar[int]
    tag: str
    type: int
    index: int
    start_us: int
    duration_us: int
    def __init__(self, tag: _Optional[str] = ..., type: _Optional[int] = ..., index: _Optional[int] = ..., start_us: _Optional[int] = ..., duration_us: _Optional[int] = ...) -> None: ...

class Memory(_message.Message):
    __slots__ = ("frame", "time_ns", "rss_bytes", "peak_rss_bytes")
    FRAME_FIELD_NUMBER: _ClassVar[int]
    TIME_NS_FIELD_NUMBER: _ClassVar[int]
    RSS_BYTES_FIELD_NUMBER: _ClassVar[int]
    PEAK_RSS_BYTES_FIELD_NUMBER: _ClassVar[int]
    frame: int
    time_ns: int
    rss_bytes: int
    peak_rss_bytes: int
    def __init__(self, frame: _Optional[int] = ..., time_ns: _Optional[int] = ..., rss_bytes: _Optional[int] = ..., peak_rss_bytes: _Optional[int] = ...) -> None: ...

class Sample(_message.Message):
    __slots__ = ("time_ns", "took_ns", "phase", "figures")
    class Phase(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        PHASE_UNSPECIFIED: _ClassVar[Sample.Phase]
        IDLE: _ClassVar[Sample.Phase]
        WARM_UP: _ClassVar[Sample.Phase]
        FRAMES: _ClassVar[Sample.Phase]
        OVER: _ClassVar[Sample.Phase]
    PHASE_UNSPECIFIED: Sample.Phase
    IDLE: Sample.Phase
    WARM_UP: Sample.Phase
    FRAMES: Sample.Phase
    OVER: Sample.Phase
    TIME_NS_FIELD_NUMBER: _ClassVar[int]
    TOOK_NS_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    FIGURES_FIELD_NUMBER: _ClassVar[int]
    time_ns: int
    took_ns: int
    phase: Sample.Phase
    figures: _containers.RepeatedCompositeFieldContainer[Figure]
    def __init__(self, time_ns: _Optional[int] = ..., took_ns: _Optional[int] = ..., phase: _Optional[_Union[Sample.Phase, str]] = ..., figures: _Optional[_Iterable[_Union[Figure, _Mapping]]] = ...) -> None: ...

class Figure(_message.Message):
    __slots__ = ("source", "value")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    source: str
    value: int
    def __init__(self, source: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...

class ElementSpec(_message.Message):
    __slots__ = ("id", "name", "kind", "dtype", "shape", "format")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[ElementSpec.Kind]
        SCALAR: _ClassVar[ElementSpec.Kind]
        TENSOR: _ClassVar[ElementSpec.Kind]
        IMAGE: _ClassVar[ElementSpec.Kind]
        TEXT: _ClassVar[ElementSpec.Kind]
        BYTES: _ClassVar[ElementSpec.Kind]
        SPAN: _ClassVar[ElementSpec.Kind]
        ASSERTION: _ClassVar[ElementSpec.Kind]
    KIND_UNSPECIFIED: ElementSpec.Kind
    SCALAR: ElementSpec.Kind
    TENSOR: ElementSpec.Kind
    IMAGE: ElementSpec.Kind
    TEXT: ElementSpec.Kind
    BYTES: ElementSpec.Kind
    SPAN: ElementSpec.Kind
    ASSERTION: ElementSpec.Kind
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    id: int
    name: str
    kind: ElementSpec.Kind
    dtype: DType
    shape: _containers.RepeatedScalarFieldContainer[int]
    format: str
    def __init__(self, id: _Optional[int] = ..., name: _Optional[str] = ..., kind: _Optional[_Union[ElementSpec.Kind, str]] = ..., dtype: _Optional[_Union[DType, str]] = ..., shape: _Optional[_Iterable[int]] = ..., format: _Optional[str] = ...) -> None: ...

class Element(_message.Message):
    __slots__ = ("spec", "frame", "time_ns", "data", "value")
    SPEC_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    TIME_NS_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    spec: int
    frame: int
    time_ns: int
    data: bytes
    value: float
    def __init__(self, spec: _Optional[int] = ..., frame: _Optional[int] = ..., time_ns: _Optional[int] = ..., data: _Optional[bytes] = ..., value: _Optional[float] = ...) -> None: ...

class Span(_message.Message):
    __slots__ = ("spec", "frame", "start_ns", "duration_ns")
    SPEC_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    START_NS_FIELD_NUMBER: _ClassVar[int]
    DURATION_NS_FIELD_NUMBER: _ClassVar[int]
    spec: int
    frame: int
    start_ns: int
    duration_ns: int
    def __init__(self, spec: _Optional[int] = ..., frame: _Optional[int] = ..., start_ns: _Optional[int] = ..., duration_ns: _Optional[int] = ...) -> None: ...

class Sensor(_message.Message):
    __slots__ = ("time_ns", "name", "values")
    TIME_NS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    time_ns: int
    name: str
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, time_ns: _Optional[int] = ..., name: _Optional[str] = ..., values: _Optional[_Iterable[float]] = ...) -> None: ...

class Dropped(_message.Message):
    __slots__ = ("time_ns", "records", "bytes")
    TIME_NS_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    time_ns: int
    records: int
    bytes: int
    def __init__(self, time_ns: _Optional[int] = ..., records: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class End(_message.Message):
    __slots__ = ("invocations", "time_ns", "dropped", "dropped_bytes", "over_budget")
    INVOCATIONS_FIELD_NUMBER: _ClassVar[int]
    TIME_NS_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    DROPPED_BYTES_FIELD_NUMBER: _ClassVar[int]
    OVER_BUDGET_FIELD_NUMBER: _ClassVar[int]
    invocations: int
    time_ns: int
    dropped: int
    dropped_bytes: int
    over_budget: int
    def __init__(self, invocations: _Optional[int] = ..., time_ns: _Optional[int] = ..., dropped: _Optional[int] = ..., dropped_bytes: _Optional[int] = ..., over_budget: _Optional[int] = ...) -> None: ...
