#!/bin/bash
# inflect_plural_of_plural.sh: inflect makes a plural of a plural.
#
# Expected: plural_noun("flowers") is "flowers": the library knows a plural when it sees one (its singular_noun does).
# Happens: "flowerss", "glassess", "childrens". LLM-grounded diffusion counts boxes of one name with it; a language model that names
#   two boxes "flowers" makes the prompt "two flowerss".
# Version: inflect 7.6.0. The output seen stands below.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q uv==0.13.9
"$work/env/bin/uv" pip install -q --python "$work/env/bin/python" inflect==7.6.0

cat >"$work/seen" <<'END'
flower: plural_noun 'flowers', singular_noun False
flowers: plural_noun 'flowerss', singular_noun 'flower'
red flowers: plural_noun 'red flowerss', singular_noun 'red flower'
glasses: plural_noun 'glassess', singular_noun 'glass'
children: plural_noun 'childrens', singular_noun 'child'
people: plural_noun 'peoples', singular_noun 'person'
sheep: plural_noun 'sheep', singular_noun 'sheep'
END
cat >"$work/show.py" <<'END'
import inflect

engine = inflect.engine()
for noun in ("flower", "flowers", "red flowers", "glasses", "children", "people", "sheep"):
    print(f"{noun}: plural_noun {engine.plural_noun(noun)!r}, singular_noun {engine.singular_noun(noun)!r}")
END
cd "$work"
env/bin/python show.py >now 2>log || { cat now log; exit 1; }
if diff seen now; then cat now; echo OK; else echo "changed: < is what was seen before, > what is seen now"; exit 1; fi
