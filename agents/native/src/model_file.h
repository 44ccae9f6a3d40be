// What must hold of a .tflite file before the runtime is let at it: LiteRT itself does not verify a file, and crashes
// on one that was cut off.
#ifndef EXRAY_MODEL_FILE_H
#define EXRAY_MODEL_FILE_H

// Fails with model-unreadable for a file that is missing, empty, no TFL3 flatbuffer, or damaged: an offset that leads
// out of it, an index of a tensor, buffer or operator code that does not exist.
void model_file_check(const char *path);

#endif
