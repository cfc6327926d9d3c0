/* Reading a JPEG file from memory. libjpeg reports errors by a call that must not return, which
 * Swift cannot take, so the jump out of it is here. */
#ifndef MEPROP_CJPEG_H
#define MEPROP_CJPEG_H
#include <setjmp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

/* What a file is, and what was wrong with it. */
typedef struct {
  int width, height;
  int components;               /* of a pixel as stored: 1 grey, 3 colour, 4 CMYK */
  char problem[JMSG_LENGTH_MAX]; /* empty: none */
} meprop_jpeg;

typedef struct {
  struct jpeg_error_mgr base;
  jmp_buf escape;
  meprop_jpeg *result;
} meprop_jpeg_errors;

static inline void meprop_jpeg_fail(j_common_ptr codec) {
  meprop_jpeg_errors *errors = (meprop_jpeg_errors *)codec->err;
  codec->err->format_message(codec, errors->result->problem);
  longjmp(errors->escape, 1);
}

/* Warnings are of damaged files: what is missing would be filled with grey. */
static inline void meprop_jpeg_warn(j_common_ptr codec, int level) {
  if (level < 0) meprop_jpeg_fail(codec);
}

/* Reads the header, and where `pixels` is not NULL the image: `channels` (1 or 3) bytes a pixel,
 * row by row, of the size that a call without pixels has said. Returns 0 and a problem on failure.
 * */
static inline int meprop_jpeg_read(const unsigned char *bytes, size_t count, int channels,
                                   unsigned char *pixels, meprop_jpeg *result) {
  struct jpeg_decompress_struct codec;
  meprop_jpeg_errors errors;
  memset(result, 0, sizeof *result);
  codec.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = meprop_jpeg_fail;
  errors.base.emit_message = meprop_jpeg_warn;
  errors.result = result;
  if (setjmp(errors.escape)) {
    jpeg_destroy_decompress(&codec);
    return 0;
  }
  jpeg_create_decompress(&codec);
  jpeg_mem_src(&codec, (unsigned char *)bytes, (unsigned long)count);
  jpeg_read_header(&codec, TRUE);
  result->width = (int)codec.image_width;
  result->height = (int)codec.image_height;
  result->components = codec.num_components;
  if (pixels != NULL) {
    codec.out_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    codec.dct_method = JDCT_ISLOW;
    jpeg_start_decompress(&codec);
    while (codec.output_scanline < codec.output_height) {
      JSAMPROW row = pixels + (size_t)codec.output_scanline * codec.output_width * (size_t)channels;
      jpeg_read_scanlines(&codec, &row, 1);
    }
    jpeg_finish_decompress(&codec);
  }
  jpeg_destroy_decompress(&codec);
  return 1;
}

#endif
