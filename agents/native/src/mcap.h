// An MCAP writer (https://mcap.dev/spec): uncompressed chunks with a CRC and message indexes, summary, footer with CRC.
// A capture that was cut off can be read up to its last whole chunk: schemas and channels stand before the first one.
#ifndef EXRAY_MCAP_H
#define EXRAY_MCAP_H

#include "bytes.h"

enum { MCAP_MAX_CHANNELS = 16 };

// Channel and schema have the same id: the position in the array given to mcap_open, plus 1.
struct mcap_channel {
    const char *topic;
    const char *schema;
};

struct mcap_schema_data {
    const uint8_t *data;  // a serialized FileDescriptorSet
    size_t size;
};

struct mcap {
    int fd;
    uint64_t offset;  // bytes written to fd
    uint64_t start;   // of the first chunk
    size_t chunk_size;
    const struct mcap_channel *channels;
    size_t channel_count;
    struct mcap_schema_data schema_data;
    struct bytes chunk;                       // records of the chunk being filled
    struct bytes index[MCAP_MAX_CHANNELS];    // (time, offset) pairs of that chunk
    uint64_t chunk_first_time, chunk_last_time;
    uint32_t chunk_count;
    uint64_t message_count[MCAP_MAX_CHANNELS];
    uint64_t first_time, last_time;
};

// All return 0 or an errno (ENOMEM when memory ran out). After an error only mcap_free may follow.
// `fd` is of an empty file, to read and to write: the index at the end is made of what the file holds by then, so that
// memory does not grow with it. A chunk is written when it would be over `chunk_size` bytes.
int mcap_open(struct mcap *mcap, int fd, const char *library, const struct mcap_channel *channels, size_t n,
              struct mcap_schema_data schema_data, size_t chunk_size);
// A message is `head` followed by `body`; a large body is written from where it stands, never copied. Time in ns.
int mcap_message(struct mcap *mcap, size_t channel, uint64_t time, const void *head, size_t head_size, const void *body,
                 size_t body_size);
// Writes the chunk being filled, if it holds a message.
int mcap_flush(struct mcap *mcap);
// Flushes, writes the summary and the footer. Leaves fd open.
int mcap_close(struct mcap *mcap);
void mcap_free(struct mcap *mcap);

#endif
