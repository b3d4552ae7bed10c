// trial.h: one run of the program's command in this process, with a call that fails, and whether it ended as
// it must.
#ifndef MW_TRIAL_H
#define MW_TRIAL_H

#include "tests/faults/inject.h"

#include <stdint.h>

typedef enum {
    MW_TRIAL_TOLD,      // ended with one sentence and the status of the failure
    MW_TRIAL_MENDED,    // ended well, with the same files: the failure was overcome
    MW_TRIAL_UNREACHED, // the same, as there was no such call
    MW_TRIAL_WRONG,
} mw_trial_verdict;

typedef struct {
    mw_trial_verdict verdict;
    char text[1024]; // the sentence; what is wrong, and what was printed
    uint64_t files;  // a hash of what lies in the output folder
    mw_inject_report report;
} mw_trial;

// The command; its output goes into a folder of this process, whose errors go nowhere from now on.
void mw_trial_open(int argc, char **argv);
void mw_trial_close(void);
// Call n (0: none) of the kind fails. files: what a good run leaves, 0 when it isn't known yet.
mw_trial mw_trial_run(mw_inject_kind kind, long n, uint64_t files, bool keep);

#endif
