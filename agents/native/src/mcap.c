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
              struct mcap_schema_data schema_data, size_t chunk_size) {
    *mcap = (struct mcap){
        .fd = fd, .channels = channel_list, .channel_count = n, .schema_data = schema_data, .chunk_size = chunk_size};
    if (n > MCAP_MAX_CHANNELS) return EINVAL;
    // Taken whole at once, so that no allocation happens between two measured invocations.
    if (!bytes_extend(&mcap->chunk, chunk_size)) return ENOMEM;
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
    mcap->start = mcap->offset;
    return error;
}

// Writes one chunk whose records are `records` followed by `body`, then its message indexes.
static int write_chunk(struct mcap *mcap, const struct bytes *records, const void *body, size_t body_size) {
    uint64_t size = (uint64_t)records->size + body_size;
    uint32_t crc = crc32_update(0, records->data, records->size);
    crc = crc32_update(crc, body, body_size);

    struct bytes head = {0};
    bytes_u8(&head, OP_CHUNK);
    bytes_u64(&head, CHUNK_HEAD + size);
    bytes_u64(&head, mcap->chunk_first_time);
    bytes_u64(&head, mcap->chunk_last_time);
    bytes_u64(&head, size);
    bytes_u32(&head, crc);
    string(&head, "");  // not compressed
    bytes_u64(&head, size);

    struct bytes indexes = {0};
    for (size_t i = 0; i < mcap->channel_count; i++) {
        struct bytes *index = &mcap->index[i];
        if (index->size == 0) continue;
        if (index->failed) indexes.failed = true;
        size_t index_record = record_begin(&indexes, OP_MESSAGE_INDEX);
        bytes_u16(&indexes, (uint16_t)(i + 1));
        bytes_u32(&indexes, (uint32_t)index->size);
        bytes_append(&indexes, index->data, index->size);
        record_end(&indexes, index_record);
        bytes_clear(index);
    }
    int error = ENOMEM;
    if (!head.failed && !indexes.failed) {
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
    if (mcap->chunk.size > 0 && mcap->chunk.size + RECORD_HEAD + size > mcap->chunk_size) {
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
    if (RECORD_HEAD + size > mcap->chunk_size) {
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

static uint64_t load_u64(const uint8_t *p) {
    uint64_t value = 0;
    for (size_t i = 0; i < 8; i++) value |= (uint64_t)p[i] << (8 * i);
    return value;
}

static int read_at(int fd, uint64_t offset, uint8_t *out, size_t n) {
    while (n > 0) {
        ssize_t got = pread(fd, out, n, (off_t)offset);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return got < 0 ? errno : EIO;
        out += got, offset += (uint64_t)got, n -= (size_t)got;
    }
    return 0;
}

// The summary goes out in pieces, and into one CRC.
struct summary {
    struct bytes part;
    uint32_t crc;
};

static int send_part(struct mcap *mcap, struct summary *summary) {
    if (!summary->part.failed) summary->crc = crc32_update(summary->crc, summary->part.data, summary->part.size);
    int error = write_bytes(mcap, &summary->part);
    bytes_clear(&summary->part);
    return error;
}

// The ChunkIndex record of the chunk at `*at`, which is moved behind the chunk's message indexes.
static int chunk_index(struct mcap *mcap, uint64_t *at, struct bytes *out) {
    uint8_t head[RECORD_HEAD + CHUNK_HEAD];
    int error = read_at(mcap->fd, *at, head, sizeof head);
    if (error) return error;
    uint64_t start = *at, length = RECORD_HEAD + load_u64(head + 1), next = start + length;
    struct bytes offsets = {0};
    for (uint8_t index[RECORD_HEAD + 2]; !error; next += RECORD_HEAD + load_u64(index + 1)) {
        error = read_at(mcap->fd, next, index, sizeof index);
        if (error || index[0] != OP_MESSAGE_INDEX) break;
        bytes_append(&offsets, index + RECORD_HEAD, 2);
        bytes_u64(&offsets, next);
    }
    size_t record = record_begin(out, OP_CHUNK_INDEX);
    bytes_append(out, head + RECORD_HEAD, 16);  // first and last time
    bytes_u64(out, start);
    bytes_u64(out, length);
    bytes_u32(out, (uint32_t)offsets.size);
    bytes_append(out, offsets.data, offsets.size);
    bytes_u64(out, next - start - length);
    string(out, "");
    bytes_append(out, head + sizeof head - 8, 8);  // not compressed: both sizes are the same
    bytes_append(out, head + RECORD_HEAD + 16, 8);
    record_end(out, record);
    if (offsets.failed) out->failed = true;
    bytes_free(&offsets);
    *at = next;
    return error;
}

int mcap_close(struct mcap *mcap) {
    int error = mcap_flush(mcap);
    if (error) return error;
    uint64_t chunks_end = mcap->offset;
    struct summary summary = {0};
    struct bytes *part = &summary.part;
    size_t record = record_begin(part, OP_DATA_END);
    bytes_u32(part, 0);  // no CRC of the whole: every chunk has its own
    record_end(part, record);
    error = send_part(mcap, &summary);

    summary.crc = 0;
    uint64_t at[5] = {mcap->offset};
    schemas(mcap, part);
    at[1] = mcap->offset + part->size;
    channels(mcap, part);
    at[2] = mcap->offset + part->size;
    statistics(mcap, part);
    at[3] = mcap->offset + part->size;
    for (uint64_t chunk = mcap->start; !error && chunk < chunks_end;) {
        error = chunk_index(mcap, &chunk, part);
        if (!error && part->size > mcap->chunk_size) error = send_part(mcap, &summary);
    }
    at[4] = mcap->offset + part->size;
    summary_offset(part, OP_SCHEMA, at[0], at[1]);
    summary_offset(part, OP_CHANNEL, at[1], at[2]);
    summary_offset(part, OP_STATISTICS, at[2], at[3]);
    summary_offset(part, OP_CHUNK_INDEX, at[3], at[4]);
    bytes_u8(part, OP_FOOTER);
    bytes_u64(part, 8 + 8 + 4);
    bytes_u64(part, at[0]);
    bytes_u64(part, at[4]);
    // The CRC covers everything from the summary's start up to itself.
    if (!error) error = send_part(mcap, &summary);
    bytes_u32(part, summary.crc);
    bytes_append(part, MAGIC, sizeof MAGIC);
    if (!error) error = send_part(mcap, &summary);
    bytes_free(part);
    return error;
}

void mcap_free(struct mcap *mcap) {
    bytes_free(&mcap->chunk);
    for (size_t i = 0; i < MCAP_MAX_CHANNELS; i++) bytes_free(&mcap->index[i]);
}
