#pragma once

#define HUGE_VAL __builtin_huge_val()
#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")
#define isfinite(x) __builtin_isfinite(x)
#define isinf(x) __builtin_isinf(x)
#define isnan(x) __builtin_isnan(x)

double ceil(double x);
double cos(double x);
double exp(double x);
double fabs(double x);
double floor(double x);
double ldexp(double x, int power);
double log(double x);
double log10(double x);
double round(double x);
float roundf(float x);
double sin(double x);
double sqrt(double x);
