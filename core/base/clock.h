// clock.h: a clock that only goes forward.
#ifndef MW_CLOCK_H
#define MW_CLOCK_H

// Seconds since some moment before the program began.
double mw_seconds(void);

#endif
