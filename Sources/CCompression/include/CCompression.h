// Reading gzip (zlib) and Zstandard (libzstd) streams, behind one opaque type: no Swift code sees the libraries' headers.
#ifndef CCOMPRESSION_H
#define CCOMPRESSION_H

#include <stddef.h>
#include <stdint.h>

/// A stream being decompressed; its memory is fixed by its kind and the window.
typedef struct compression_stream compression_stream;

static const int compression_gzip = 1;
static const int compression_zstd = 2;

/// One step went well, and the member (gzip) or frame (Zstandard) goes on.
static const int compression_going = 0;
/// The member or frame is complete and its checksum right; another may follow.
static const int compression_ended = 1;
/// The bytes are not such a stream, or are damaged.
static const int compression_damaged = -1;
/// The frame asks for a larger window than was allowed.
static const int compression_window = -2;
/// The library had no memory.
static const int compression_memory = -3;

/// A stream of one kind; NULL where there is no memory. A Zstandard frame may have a window of 2^window_log bytes.
compression_stream *compression_open(int kind, int window_log);

/// Takes bytes from `input` and writes what they hold to `output`; says how many of each. Returns one of the values above.
int compression_step(
    compression_stream *stream, const void *input, size_t input_length, size_t *taken, void *output,
    size_t output_room, size_t *written);

/// What was wrong, in the library's words; for people.
const char *compression_reason(const compression_stream *stream);

/// Makes it ready for the next member. Returns 0, or compression_memory.
int compression_restart(compression_stream *stream);

void compression_close(compression_stream *stream);

#endif
