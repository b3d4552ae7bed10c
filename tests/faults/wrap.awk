# wrap.awk: from the preprocessed OpenCL headers, wrappers for the linker's --wrap of the functions that the program calls
# (-v called="clFinish clFlush ..."): each counts its call and fails the one that is to fail (inject.h).
# A function fails by its status, or by NULL and its last argument; what it would release is released all the same.
BEGIN {
    RS = ";"
    for (i = split(called, names, " "); i; i--)
        wanted[names[i]] = 1
    print "#include \"tests/faults/inject.h\"\n\n#include <CL/cl.h>\n#include <clblast_c.h>"
}

# The names of the parameters: the last word of each, of a pointer to a function the one in its first parentheses.
function arguments(list,    parts, n, i, joined) {
    while (match(list, /\)\([^()]*\)/))
        list = substr(list, 1, RSTART - 1) substr(list, RSTART + RLENGTH)
    n = split(list, parts, ",")
    for (i = 1; i <= n; i++) {
        gsub(/[^A-Za-z0-9_]+/, " ", parts[i])
        sub(/ $/, "", parts[i])
        sub(/.* /, "", parts[i])
        joined = joined (i > 1 ? ", " : "") parts[i]
    }
    return joined
}

{
    gsub(/__attribute__ *\(\([^()]*(\([^()]*\))?[^()]*\)\)/, "")
    gsub(/[ \t\n]+/, " ")
    if (!match($0, /(cl|CLBlast)[A-Z][A-Za-z0-9]*\(/))
        next
    name = substr($0, RSTART, RLENGTH - 1)
    if (wanted[name] != 1)
        next
    wanted[name] = 2
    type = substr($0, 1, RSTART - 1)
    list = substr($0, RSTART + RLENGTH)
    sub(/ *extern */, "", type)
    sub(/\) *$/, "", list)
    args = arguments(list)
    counted = name !~ /Devices?$/ # a sub-device is part of its device
    printf "\n%s__real_%s(%s);\n%s__wrap_%s(%s);\n%s__wrap_%s(%s)\n{\n", type, name, list, type, name, list, type, name, list
    printf "    int failure = mw_inject_cl(\"%s\");\n", name
    if (name ~ /^clRelease/) {
        if (counted)
            print "    mw_inject_objects(-1);"
        printf "    cl_int status = __real_%s(%s);\n    return failure ? failure : status;\n}\n", name, args
        next
    }
    if (args ~ /errcode_ret$/)
        printf "    if (failure && errcode_ret)\n        *errcode_ret = failure;\n    %smade = failure ? NULL : __real_%s(%s);\n    int bad = !made;\n", type, name, args
    else
        printf "    int bad = failure ? failure : (int)__real_%s(%s);\n", name, args
    if (counted && name ~ /^cl(Create|Retain)/)
        print "    mw_inject_objects(!bad);"
    if (args ~ /, event(,|$)/)
        print "    mw_inject_objects(!bad && event);"
    print (args ~ /errcode_ret$/ ? "    (void)bad;\n    return made;\n}" : "    return bad;\n}")
}

END {
    for (name in wanted)
        if (wanted[name] == 1)
            print "#error no declaration of " name " was found"
}
