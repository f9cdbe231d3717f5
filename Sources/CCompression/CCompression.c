#include "CCompression.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

struct compression_stream {
    int kind;
    z_stream gzip;
    ZSTD_DCtx *zstd;
    const char *reason;
};

// 15 bits of window, the most there are; plus 16: a gzip header and nothing else.
enum { gzip_window = 15 + 16 };

compression_stream *compression_open(int kind, int window_log) {
    compression_stream *stream = calloc(1, sizeof *stream);
    if (!stream) return NULL;
    stream->kind = kind;
    stream->reason = "";
    if (kind == compression_gzip) {
        if (inflateInit2(&stream->gzip, gzip_window) == Z_OK) return stream;
    } else if (kind == compression_zstd) {
        stream->zstd = ZSTD_createDCtx();
        if (stream->zstd && !ZSTD_isError(ZSTD_DCtx_setParameter(stream->zstd, ZSTD_d_windowLogMax, window_log)))
            return stream;
        ZSTD_freeDCtx(stream->zstd);
    }
    free(stream);
    return NULL;
}

static int step_gzip(
    compression_stream *stream, const void *input, size_t input_length, size_t *taken, void *output,
    size_t output_room, size_t *written) {
    z_stream *gzip = &stream->gzip;
    // zlib counts in unsigned int; what does not fit is left for the next step.
    uInt length = input_length > UINT_MAX ? UINT_MAX : (uInt)input_length;
    uInt room = output_room > UINT_MAX ? UINT_MAX : (uInt)output_room;
    gzip->next_in = (Bytef *)input;
    gzip->avail_in = length;
    gzip->next_out = output;
    gzip->avail_out = room;
    int status = inflate(gzip, Z_NO_FLUSH);
    *taken = length - gzip->avail_in;
    *written = room - gzip->avail_out;
    stream->reason = gzip->msg ? gzip->msg : "";
    switch (status) {
    // Z_BUF_ERROR: no progress was possible, which more input or room repairs.
    case Z_OK:
    case Z_BUF_ERROR: return compression_going;
    case Z_STREAM_END: return compression_ended;
    case Z_MEM_ERROR: return compression_memory;
    default: return compression_damaged;
    }
}

static int step_zstd(
    compression_stream *stream, const void *input, size_t input_length, size_t *taken, void *output,
    size_t output_room, size_t *written) {
    ZSTD_inBuffer in = {input, input_length, 0};
    ZSTD_outBuffer out = {output, output_room, 0};
    size_t status = ZSTD_decompressStream(stream->zstd, &out, &in);
    *taken = in.pos;
    *written = out.pos;
    if (!ZSTD_isError(status)) return status == 0 ? compression_ended : compression_going;
    stream->reason = ZSTD_getErrorName(status);
    switch (ZSTD_getErrorCode(status)) {
    case ZSTD_error_frameParameter_windowTooLarge: return compression_window;
    case ZSTD_error_memory_allocation: return compression_memory;
    default: return compression_damaged;
    }
}

int compression_step(
    compression_stream *stream, const void *input, size_t input_length, size_t *taken, void *output,
    size_t output_room, size_t *written) {
    if (stream->kind == compression_gzip)
        return step_gzip(stream, input, input_length, taken, output, output_room, written);
    return step_zstd(stream, input, input_length, taken, output, output_room, written);
}

const char *compression_reason(const compression_stream *stream) { return stream->reason; }

int compression_restart(compression_stream *stream) {
    if (stream->kind == compression_gzip)
        return inflateReset2(&stream->gzip, gzip_window) == Z_OK ? 0 : compression_memory;
    return ZSTD_isError(ZSTD_DCtx_reset(stream->zstd, ZSTD_reset_session_only)) ? compression_memory : 0;
}

void compression_close(compression_stream *stream) {
    if (!stream) return;
    if (stream->kind == compression_gzip) inflateEnd(&stream->gzip);
    ZSTD_freeDCtx(stream->zstd);
    free(stream);
}
