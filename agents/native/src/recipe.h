// What stands between a frame and the model's input: the words of docs/recipes.md, as flags.
#ifndef EXRAY_RECIPE_H
#define EXRAY_RECIPE_H

#include "audio.h"
#include "preprocess.h"
#include "tokenize.h"

struct recipe {
    struct preprocess image;
    struct audio audio;
    struct tokenize text;
};

extern const struct recipe RECIPE_DEFAULTS;

// Takes an option, or fails with bad-usage. False when it is none of a recipe's.
bool recipe_set(struct recipe *recipe, const char *option, char *value);
// What no single option can tell, or fails with bad-usage.
void recipe_check(const struct recipe *recipe);

#endif
