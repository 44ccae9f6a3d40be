#include "mcap.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "crc32.h"

enum opcode {
    OP_HEADER = 0x01,
    OP_FOOTER = 0x02,
    OP_SCHEMA = 0x03,
    OP_CHANNEL = 0x04,
    OP_MESSAGE = 0x05,
    OP_CHUNK = 0x06,
    OP_MESSAGE_INDEX = 0x07,
    OP_CHUNK_INDEX = 0x08,
    OP_STATISTICS = 0x0B,
    OP_SUMMARY_OFFSET = 0x0E,
    OP_DATA_END = 0x0F,
};

enum { RECORD_HEAD = 9, MESSAGE_HEAD = 2 + 4 + 8 + 8, CHUNK_HEAD = 8 + 8 + 8 + 4 + 4 + 8 };

static const uint8_t MAGIC[8] = {0x89, 'M', 'C', 'A', 'P', '0', '\r', '\n'};

static int write_all(struct mcap *mcap, struct iovec *parts, int count) {
    while (count > 0) {
        if (parts->iov_len == 0) {
            parts++, count--;
            continue;
        }
        ssize_t n = writev(mcap->fd, parts, count);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno;
        if (n == 0) return EIO;
        mcap->offset += (uint64_t)n;
        for (size_t left = (size_t)n; left > 0;) {
            size_t step = left < parts->iov_len ? left : parts->iov_len;
            parts->iov_base = (uint8_t *)parts->iov_base + step;
            parts->iov_len -= step;
            left -= step;
            if (parts->iov_len == 0) parts++, count--;
        }
    }
    return 0;
}

static int write_bytes(struct mcap *mcap, const struct bytes *bytes) {
    if (bytes->failed) return ENOMEM;
    struct iovec part = {bytes->data, bytes->size};
    return write_all(mcap, &part, 1);
}

// Opens a record and returns where it starts; record_end fills in its length.
static size_t record_begin(struct bytes *out, enum opcode opcode) {
    size_t start = out->size;
    bytes_u8(out, (uint8_t)opcode);
    bytes_u64(out, 0);
    return start;
}

static void record_end(struct bytes *out, size_t start) {
    if (!out->failed) store_u64(out->data + start + 1, out->size - start - RECORD_HEAD);
}

static void string(struct bytes *out, const char *text) {
    bytes_u32(out, (uint32_t)strlen(text));
    bytes_append(out, text, strlen(text));
}

static void schemas(const struct mcap *mcap, struct bytes *out) {
    for (size_t i = 0; i < mcap->channel_count; i++) {
        size_t record = record_begin(out, OP_SCHEMA);
        bytes_u16(out, (uint16_t)(i + 1));
        string(out, mcap->channels[i].schema);
        string(out, "protobuf");
        bytes_u32(out, (uint32_t)mcap->schema_data.size);
        bytes_append(out, mcap->schema_data.data, mcap->schema_data.size);
        record_end(out, record);
    }
}

static void channels(const struct mcap *mcap, struct bytes *out) {
    for (size_t i = 0; i < mcap->channel_count; i++) {
        size_t record = record_begin(out, OP_CHANNEL);
        bytes_u16(out, (uint16_t)(i + 1));
        bytes_u16(out, (uint16_t)(i + 1));
        string(out, mcap->channels[i].topic);
        string(out, "protobuf");
        bytes_u32(out, 0);  // no metadata
        record_end(out, record);
    }
}

int mcap_open(struct mcap *mcap, int fd, const char *library, const struct mcap_channel *channel_list, size_t n,
              struct mcap_schema_data schema_data) {
    *mcap = (struct mcap){.fd = fd, .channels = channel_list, .channel_count = n, .schema_data = schema_data};
    if (n > MCAP_MAX_CHANNELS) return EINVAL;
    // Taken whole at once, so that no allocation happens between two measured invocations.
    if (!bytes_extend(&mcap->chunk, MCAP_CHUNK_SIZE)) return ENOMEM;
    bytes_clear(&mcap->chunk);

    struct bytes start = {0};
    bytes_append(&start, MAGIC, sizeof MAGIC);
    size_t record = record_begin(&start, OP_HEADER);
    string(&start, "exray");
    string(&start, library);
    record_end(&start, record);
    schemas(mcap, &start);
    channels(mcap, &start);
    int error = write_bytes(mcap, &start);
    bytes_free(&start);
    return error;
}

// Writes one chunk whose records are `records` followed by `body`, then its message indexes.
static int write_chunk(struct mcap *mcap, const struct bytes *records, const void *body, size_t body_size) {
    uint64_t size = (uint64_t)records->size + body_size;
    uint32_t crc = crc32_update(0, records->data, records->size);
    crc = crc32_update(crc, body, body_size);
    uint64_t chunk_start = mcap->offset;

    struct bytes head = {0};
    bytes_u8(&head, OP_CHUNK);
    bytes_u64(&head, CHUNK_HEAD + size);
    bytes_u64(&head, mcap->chunk_first_time);
    bytes_u64(&head, mcap->chunk_last_time);
    bytes_u64(&head, size);
    bytes_u32(&head, crc);
    string(&head, "");  // not compressed
    bytes_u64(&head, size);
    uint64_t chunk_length = head.size + size;

    struct bytes indexes = {0};
    size_t record = record_begin(&mcap->chunk_indexes, OP_CHUNK_INDEX);
    struct bytes *summary = &mcap->chunk_indexes;
    bytes_u64(summary, mcap->chunk_first_time);
    bytes_u64(summary, mcap->chunk_last_time);
    bytes_u64(summary, chunk_start);
    bytes_u64(summary, chunk_length);
    uint32_t used = 0;
    for (size_t i = 0; i < mcap->channel_count; i++) used += mcap->index[i].size > 0;
    bytes_u32(summary, used * 10);
    for (size_t i = 0; i < mcap->channel_count; i++) {
        struct bytes *index = &mcap->index[i];
        if (index->size == 0) continue;
        if (index->failed) indexes.failed = true;
        bytes_u16(summary, (uint16_t)(i + 1));
        bytes_u64(summary, chunk_start + chunk_length + indexes.size);
        size_t index_record = record_begin(&indexes, OP_MESSAGE_INDEX);
        bytes_u16(&indexes, (uint16_t)(i + 1));
        bytes_u32(&indexes, (uint32_t)index->size);
        bytes_append(&indexes, index->data, index->size);
        record_end(&indexes, index_record);
        bytes_clear(index);
    }
    bytes_u64(summary, indexes.size);
    string(summary, "");
    bytes_u64(summary, size);
    bytes_u64(summary, size);
    record_end(summary, record);

    int error = ENOMEM;
    if (!head.failed && !indexes.failed && !summary->failed) {
        struct iovec parts[4] = {{head.data, head.size},
                                 {records->data, records->size},
                                 {(void *)(uintptr_t)body, body_size},
                                 {indexes.data, indexes.size}};
        error = write_all(mcap, parts, 4);
    }
    bytes_free(&head);
    bytes_free(&indexes);
    mcap->chunk_count++;
    return error;
}

int mcap_flush(struct mcap *mcap) {
    if (mcap->chunk.size == 0) return 0;
    int error = write_chunk(mcap, &mcap->chunk, NULL, 0);
    bytes_clear(&mcap->chunk);
    return error;
}

int mcap_message(struct mcap *mcap, size_t channel, uint64_t time, const void *head, size_t head_size, const void *body,
                 size_t body_size) {
    size_t size = MESSAGE_HEAD + head_size + body_size;
    if (mcap->chunk.size > 0 && mcap->chunk.size + RECORD_HEAD + size > MCAP_CHUNK_SIZE) {
        int error = mcap_flush(mcap);
        if (error) return error;
    }
    if (mcap->chunk.size == 0) mcap->chunk_first_time = time;
    mcap->chunk_last_time = time;
    uint64_t written = 0;
    for (size_t i = 0; i < mcap->channel_count; i++) written += mcap->message_count[i];
    if (written == 0) mcap->first_time = time;
    mcap->last_time = time;

    bytes_u64(&mcap->index[channel], time);
    bytes_u64(&mcap->index[channel], mcap->chunk.size);
    bytes_u8(&mcap->chunk, OP_MESSAGE);
    bytes_u64(&mcap->chunk, size);
    bytes_u16(&mcap->chunk, (uint16_t)(channel + 1));
    bytes_u32(&mcap->chunk, (uint32_t)mcap->message_count[channel]);
    bytes_u64(&mcap->chunk, time);
    bytes_u64(&mcap->chunk, time);
    bytes_append(&mcap->chunk, head, head_size);
    mcap->message_count[channel]++;
    if (RECORD_HEAD + size > MCAP_CHUNK_SIZE) {
        if (mcap->chunk.failed) return ENOMEM;
        int error = write_chunk(mcap, &mcap->chunk, body, body_size);
        bytes_clear(&mcap->chunk);
        return error;
    }
    bytes_append(&mcap->chunk, body, body_size);
    return mcap->chunk.failed ? ENOMEM : 0;
}

static void statistics(const struct mcap *mcap, struct bytes *out) {
    uint64_t messages = 0;
    uint32_t used = 0;
    for (size_t i = 0; i < mcap->channel_count; i++) {
        messages += mcap->message_count[i];
        used += mcap->message_count[i] > 0;
    }
    size_t record = record_begin(out, OP_STATISTICS);
    bytes_u64(out, messages);
    bytes_u16(out, (uint16_t)mcap->channel_count);
    bytes_u32(out, (uint32_t)mcap->channel_count);
    bytes_u32(out, 0);  // attachments
    bytes_u32(out, 0);  // metadata records
    bytes_u32(out, mcap->chunk_count);
    bytes_u64(out, mcap->first_time);
    bytes_u64(out, mcap->last_time);
    bytes_u32(out, used * 10);
    for (size_t i = 0; i < mcap->channel_count; i++) {
        if (mcap->message_count[i] == 0) continue;
        bytes_u16(out, (uint16_t)(i + 1));
        bytes_u64(out, mcap->message_count[i]);
    }
    record_end(out, record);
}

static void summary_offset(struct bytes *offsets, enum opcode group, uint64_t start, uint64_t end) {
    if (start == end) return;
    size_t record = record_begin(offsets, OP_SUMMARY_OFFSET);
    bytes_u8(offsets, (uint8_t)group);
    bytes_u64(offsets, start);
    bytes_u64(offsets, end - start);
    record_end(offsets, record);
}

int mcap_close(struct mcap *mcap) {
    int error = mcap_flush(mcap);
    if (error) return error;
    struct bytes data_end = {0};
    size_t record = record_begin(&data_end, OP_DATA_END);
    bytes_u32(&data_end, 0);  // no CRC of the whole: every chunk has its own
    record_end(&data_end, record);
    error = write_bytes(mcap, &data_end);
    bytes_free(&data_end);
    if (error) return error;

    uint64_t start = mcap->offset;
    struct bytes summary = {0}, offsets = {0};
    uint64_t at[5];
    at[0] = start;
    schemas(mcap, &summary);
    at[1] = start + summary.size;
    channels(mcap, &summary);
    at[2] = start + summary.size;
    statistics(mcap, &summary);
    at[3] = start + summary.size;
    bytes_append(&summary, mcap->chunk_indexes.data, mcap->chunk_indexes.size);
    at[4] = start + summary.size;
    summary_offset(&offsets, OP_SCHEMA, at[0], at[1]);
    summary_offset(&offsets, OP_CHANNEL, at[1], at[2]);
    summary_offset(&offsets, OP_STATISTICS, at[2], at[3]);
    summary_offset(&offsets, OP_CHUNK_INDEX, at[3], at[4]);
    bytes_append(&summary, offsets.data, offsets.size);
    if (offsets.failed || mcap->chunk_indexes.failed) summary.failed = true;
    bytes_free(&offsets);
    bytes_u8(&summary, OP_FOOTER);
    bytes_u64(&summary, 8 + 8 + 4);
    bytes_u64(&summary, start);
    bytes_u64(&summary, at[4]);
    // The CRC covers everything from the summary's start up to itself.
    if (!summary.failed) bytes_u32(&summary, crc32_update(0, summary.data, summary.size));
    bytes_append(&summary, MAGIC, sizeof MAGIC);
    error = write_bytes(mcap, &summary);
    bytes_free(&summary);
    return error;
}

void mcap_free(struct mcap *mcap) {
    bytes_free(&mcap->chunk);
    bytes_free(&mcap->chunk_indexes);
    for (size_t i = 0; i < MCAP_MAX_CHANNELS; i++) bytes_free(&mcap->index[i]);
}
