// settings.c: options that were not given: from the environment, else from the configuration file.
#include "core/cli/settings.h"

#include "core/base/file.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *from_environment(mw_ctx *c, const char *name, const char **from)
{
    static char variable[64];
    snprintf(variable, sizeof variable, "MOONWEAVE_%s", name);
    for (char *p = variable; *p; p++)
        *p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
    const char *value = getenv(variable);
    *from = variable;
    return value && *value ? mw_strdup(c, value) : NULL;
}

static char *trim(char *s)
{
    s += strspn(s, " \t\r");
    size_t n = strlen(s);
    while (n && strchr(" \t\r", s[n - 1]))
        s[--n] = 0;
    return s;
}

static char *from_text(mw_ctx *c, const char *name, char *text)
{
    char *state = NULL;
    for (char *line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
        line[strcspn(line, "#")] = 0;
        char *value = strchr(line, '=');
        if (!value)
            continue;
        *value++ = 0;
        if (!strcmp(trim(line), name))
            return mw_strdup(c, trim(value));
    }
    return NULL;
}

static char *from_file(mw_ctx *c, const char *name, const char **from)
{
    const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    bool own = base && *base == '/';
    char *path = mw_format(c, "%s%s/moonweave/config", own ? base : home ? home : "", own ? "" : "/.config");
    char *text = path && access(path, R_OK) == 0 ? mw_file_read(c, path, 1 << 20, NULL) : NULL;
    char *value = text ? from_text(c, name, text) : NULL;
    *from = "the configuration file";
    free(text);
    free(path);
    return value;
}

char *mw_setting(mw_ctx *c, const char *name, const char **from)
{
    char *value = from_environment(c, name, from);
    return value ? value : from_file(c, name, from);
}
