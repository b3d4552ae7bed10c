// test_completions.c: answers of chat models as strict mode reads them.
#include "core/base/ctx.h"
#include "nodes/nets/layout/layout_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static mw_ctx *c;
static const mw_layout_source source = {"layout.txt", MW_E_FILE, NULL};

static void check_strict(const char *text, const char *boxes, const char *background, const char *negative)
{
    mw_completion x;
    mw_status status = mw_completion_read(c, &source, MW_STRICT, text, strlen(text), &x);
    char *got = x.boxes ? json_dumps(x.boxes, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    if (status != MW_OK || strcmp(got, boxes) != 0 || strcmp(x.background, background) != 0 ||
        strcmp(x.negative, negative) != 0)
        fail_msg("%s\ngives %s | %s | %s (%s), expected %s | %s | %s", text, got ? got : "nothing",
                 x.background ? x.background : "", x.negative ? x.negative : "", mw_errmsg(c), boxes,
                 background, negative);
    free(got);
    mw_completion_free(&x);
}

#define CAT "[[\"a cat\",[1,2,3,4]]]"
#define LIST "[('a cat', [1, 2, 3, 4])]"

// Labels, fences, remarks and ends as chat models write them.
static void strict_completions(void **state)
{
    (void)state;
    static const char *const same[] = {
        "Objects: " LIST "\nBackground prompt: A wall\nNegative prompt: dogs",
        "\xef\xbb\xbf" LIST "\nBackground prompt: A wall\nNegative prompt: dogs",
        LIST " Background prompt: A wall Negative prompt: dogs",
        LIST "\r\nBackground prompt: A wall\r\nNegative prompt: dogs\r\n",
        "Objects:" LIST "\nBackground prompt:A wall\nNegative prompt:dogs",
        "Objects:\n" LIST "\nBackground prompt:\nA wall\nNegative prompt:\ndogs\n",
        "objects: " LIST "\nbackground prompt: A wall\nnegative prompt: dogs",
        "OBJECTS: " LIST "\nBACKGROUND PROMPT: A wall\nNEGATIVE PROMPT: dogs",
        "Objects: " LIST "\nBackground Prompt: A wall\nNegative Prompt: dogs",
        "**Objects:** " LIST "\n**Background prompt:** A wall\n**Negative prompt:** dogs",
        "**Objects**: " LIST "\n**Background prompt**: A wall\n**Negative prompt**: dogs",
        "__Objects:__ " LIST "\n*Background prompt:* *A wall*\n`Negative prompt:` `dogs`",
        "### Objects\n" LIST "\n\n### Background prompt\nA wall\n\n### Negative prompt\ndogs",
        "- Objects: " LIST "\n- Background prompt: A wall\n- Negative prompt: dogs",
        "1. **Objects:** " LIST "\n2. **Background prompt:** A wall\n3. **Negative prompt:** dogs",
        "\xe2\x80\xa2 Objects: " LIST
        "\n\xe2\x80\xa2 Background prompt: A wall\n\xe2\x80\xa2 Negative prompt: dogs",
        "> Objects: " LIST "\n> Background prompt: A wall\n> Negative prompt: dogs",
        "Objects\xef\xbc\x9a " LIST
        "\nBackground prompt\xef\xbc\x9a A wall\nNegative prompt\xef\xbc\x9a dogs",
        "Objects - " LIST "\nBackground prompt \xe2\x80\x93 A wall\nNegative prompt \xe2\x80\x94 dogs",
        "objects = " LIST "\nbackground_prompt = \"A wall\"\nnegative_prompt = 'dogs'",
        "{\n  \"objects\": [[\"a cat\", [1, 2, 3, 4]]],\n  \"background_prompt\": \"A wall\",\n  "
        "\"negative_prompt\": \"dogs\"\n}",
        "{\"Objects\": [[\"a cat\", [1, 2, 3, 4]]], \"Background prompt\": \"A wall\", \"Negative prompt\": "
        "\"dogs\"}",
        "```json\n{\"negative\": \"dogs\", \"background\": \"A wall\", \"boxes\": [[\"a cat\", [1, 2, 3, "
        "4]]]}\n```",
        "Bounding boxes: " LIST "\nBackground: A wall\nNegative: dogs",
        "```\nObjects: " LIST "\nBackground prompt: A wall\nNegative prompt: dogs\n```",
        "```python\n" LIST "\nBackground prompt: A wall\nNegative prompt: dogs\n```\nI hope this helps!",
        "```\n" LIST "\nBackground prompt: A wall\nNegative prompt: dogs``` Well.",
        "~~~\n" LIST "\nBackground prompt: A wall\nNegative prompt: dogs\n~~~",
        "Objects:\n```python\n" LIST "\n```\nBackground prompt: A wall\nNegative prompt: dogs",
        "Sure! Here is the layout with a background prompt and a negative prompt:\n\nObjects: " LIST
        "\nBackground prompt: A wall\nNegative prompt: dogs",
        "Here you are:\n" LIST "\nBackground prompt: A wall\nNegative prompt: dogs",
        "<think>\nObjects: maybe [('x', [0,\n</think>\n\nObjects: " LIST
        "\nBackground prompt: A wall\nNegative prompt: dogs",
        "Caption: a cat at a wall\nObjects: " LIST "\nBackground prompt: A wall\nNegative prompt: dogs",
        LIST "\n\nBackground prompt: A wall\n\nNegative prompt: dogs\n\nNote: the cat is small.",
        LIST "\nBackground prompt: A wall\nNegative prompt: dogs\nNote: the cat is small.",
        LIST "\nBackground prompt: A wall\nNegative prompt: dogs\n(The cat is small.)\n",
        LIST " (the cat is small)\nBackground prompt: A wall\nThis is behind it.\nNegative prompt: dogs",
        LIST "\nNegative prompt: dogs\nBackground prompt: A wall",
        LIST "\nBackground prompt: A wall\nNegative prompt: dogs\n\nCaption: A bird\nObjects: [('a bird', "
             "[1, 2, 3, "
             "4])]\nBackground prompt: A tree\nNegative prompt: ",
        LIST "\nBackground prompt: A wall\nNegative prompt: dogs\nCaption: A bird\nObjects: []",
        LIST "\nBackground prompt: A wall\nNegative prompt: dogs Caption: A bird",
        // the list behind a prompt
        "Background prompt: A wall\nNegative prompt: dogs\nObjects: " LIST,
        "Background prompt: A wall\nObjects: " LIST "\nNegative prompt: dogs",
        "Here it is:\n\n**Background prompt:** A wall\n\n**Negative prompt:** dogs\n\n**Objects:**\n" LIST
        "\n\nEnjoy!",
        "Negative prompt: dogs\nObjects: " LIST "\nBackground prompt: A wall\n\nCaption: A bird\nObjects: []",
        "Caption: a cat at a wall\nBackground prompt: A wall\nNegative prompt: dogs\nObjects: " LIST,
        LIST "\nBackground prompt: A wall\nNegative prompt: dogs\n\n[('a bird', [1, 2, 3, 4])]\nBackground "
             "prompt: x",
        LIST "\nBackground prompt: \"A wall\"\nNegative prompt: \xe2\x80\x9c"
             "dogs\xe2\x80\x9d",
        "Objects: [(\xe2\x80\x9c"
        "a cat\xe2\x80\x9d, [1, 2, 3, 4])]\nBackground prompt: A wall\nNegative prompt: dogs",
        "Objects: [(\xe2\x80\x98"
        "a cat\xe2\x80\x99, [1, 2, 3, 4],),]\nBackground prompt: A wall\nNegative prompt: dogs",
        "Objects: [(\xc2\xab"
        "a cat\xc2\xbb, [1,\xc2\xa0"
        "2, 3, 4])]\nBackground prompt: A wall\nNegative prompt: dogs",
        "Objects: \xe3\x80\x90\xef\xbc\x88\xe3\x80\x8c"
        "a cat\xe3\x80\x8d\xef\xbc\x8c[1, 2, 3, "
        "4]\xef\xbc\x89\xe3\x80\x91\nBackground prompt: A wall\nNegative prompt: dogs",
        "Objects: [(`a cat`, [1, 2, 3, 4])]\nBackground prompt: A wall\nNegative prompt: dogs",
        "Objects: [\n  ('a cat', [1, 2, 3, 4]),  # it's \"small\n]\nBackground prompt: A wall\nNegative "
        "prompt: dogs",
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        check_strict(same[i], CAT, "A wall", "dogs");
    static const char *const none[] = {"None (there is nothing to leave out)",
                                       "none",
                                       "None.",
                                       "N/A",
                                       "n/a",
                                       "(none)",
                                       "[none]",
                                       "**None**",
                                       "-",
                                       "\"\"",
                                       "nothing",
                                       "null",
                                       "",
                                       "\n```",
                                       "\n\nI hope this helps.",
                                       "\nNote: there is none",
                                       "\nCaption: next"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        char *text = mw_format(c, LIST "\nBackground prompt: A wall\nNegative prompt: %s", none[i]);
        check_strict(text, CAT, "A wall", "");
        free(text);
    }
    static const char *const no_boxes[] = {"[]",
                                           "",
                                           "None",
                                           "none",
                                           "N/A",
                                           "No objects",
                                           "(no objects)",
                                           "\n",
                                           "```python\n```",
                                           "There are no objects.",
                                           "**None**",
                                           "-",
                                           "\n[]\n"};
    for (size_t i = 0; i < sizeof no_boxes / sizeof *no_boxes; i++) {
        char *text = mw_format(c, "Objects: %s\nBackground prompt: A wall", no_boxes[i]);
        check_strict(text, "[]", "A wall", "");
        free(text);
    }
    // no list in front, and a list behind that is a further completion's
    check_strict("Background prompt: A wall\nNegative prompt: dogs\n\nCaption: x\nObjects: " LIST, "[]",
                 "A wall", "dogs");
    check_strict("Background prompt: A wall\nNegative prompt: dogs\n\nObjects: " LIST
                 "\nBackground prompt: A bird",
                 "[]", "A wall", "dogs");
    check_strict("Background prompt: A wall\nNegative prompt: dogs\nObjects: none", "[]", "A wall", "dogs");
    check_strict("None\nBackground prompt: A wall\nNegative prompt: dogs\n\nCaption: x\nObjects: " LIST
                 "\nBackground prompt: b",
                 "[]", "A wall", "dogs");
    check_strict("Objects: ('a', [1, 2, 3, 4])\nBackground prompt: A wall", "[\"a\",[1,2,3,4]]", "A wall",
                 "");
    check_strict("Objects:\n('a', [1, 2, 3, 4])\n('b', [5, 6, 7, 8]),\nBackground prompt: A wall",
                 "[[\"a\",[1,2,3,4]],[\"b\",[5,6,7,8]]]", "A wall", "");
    check_strict("Objects:\n- ('a', [1, 2, 3, 4])\n- ('b', [5, 6, 7, 8])\n\nBackground prompt: A wall",
                 "[[\"a\",[1,2,3,4]],[\"b\",[5,6,7,8]]]", "A wall", "");
    check_strict("1. (\"a\", [1, 2, 3, 4])\n2. (\"b\", [5, 6, 7, 8])\nBackground prompt: A wall",
                 "[[\"a\",[1,2,3,4]],[\"b\",[5,6,7,8]]]", "A wall", "");
    check_strict("('a', [1, 2, 3, 4]), ('b', [5, 6, 7, 8])\nBackground prompt: A wall",
                 "[[\"a\",[1,2,3,4]],[\"b\",[5,6,7,8]]]", "A wall", "");
    check_strict("[('a dog's bowl', [\xe2\x88\x92"
                 "1, \xe2\x80\x93"
                 "2, 3, 4]), ('b', null)]\nBackground prompt: A wall",
                 "[[\"a dog's bowl\",[-1,-2,3,4]],[\"b\",null]]", "A wall", "");
    check_strict("[('a sign saying \"Background prompt: x\"', [1, 2, 3, 4])]\nBackground prompt: A wall",
                 "[[\"a sign saying \\\"Background prompt: x\\\"\",[1,2,3,4]]]", "A wall", "");
    check_strict(LIST
                 "\nBackground prompt: A \"red\" wall, objects: many\nNegative prompt: no cats, none of them",
                 CAT, "A \"red\" wall, objects: many", "no cats, none of them");
}

// Any bytes end in a layout or a sentence, and so does any change of a good one.
static void random_completions(void **state)
{
    (void)state;
    static const char good[] =
        "**Objects:**\n```\n[('a dog\xe2\x80\x99s b', [1, 2, 3, 4]),]\n```\n- Background prompt: A "
        "\"wall\"\nNegative prompt: none\n\nCaption: x";
    static const char letters[] = "[](){},:'\"\\#\n\r\t -*`_>=1.eObNc\xe2\x80\x9c\xff";
    unsigned s = 11;
    for (int i = 0; i < 20000; i++) {
        size_t n = sizeof good - 1;
        char *text = malloc(n); // exact, so that a read beyond the end is seen
        for (size_t k = 0; k < n; k++) {
            s = s * 1664525u + 1013904223u;
            text[k] = (s >> 8) % 20 ? good[k] : letters[(s >> 12) % (sizeof letters - (i % 2))];
        }
        mw_completion x;
        mw_status status = mw_completion_read(c, &source, MW_STRICT, text, n - (s >> 9) % n, &x);
        assert_true(status == MW_E_FILE || (x.boxes && x.background && x.negative));
        mw_err_clear(c);
        mw_completion_free(&x);
        free(text);
    }
}

static int set_up(void **state)
{
    (void)state;
    c = mw_ctx_new();
    c->log_level = MW_LOG_ERROR; // the warnings are not the matter here
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mw_ctx_free(c);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(strict_completions),
                                       cmocka_unit_test(random_completions)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
