# Writes a class `Unexpected<Name>` for each virtual interface named in `classes` (space separated): it
# overrides every method, records "unexpected-call" and returns a zero. The classes of the stand-in derive
# from these and implement what lookout uses, so that anything else is seen instead of not linking.
#
# Input: NvInferImpl.h, and NvOnnxParser.h for IParser.
BEGIN {
    count = split(classes, list, " ")
    for (i = 1; i <= count; ++i) wanted[list[i]] = 1
    print "// Made by unexpected.awk from TensorRT's headers."
}

{ sub(/\r$/, ""); sub(/\/\/.*$/, "") }

/^class [A-Za-z]+( : public [A-Za-z]+)?$/ && ($2 in wanted) {
    name = $2
    shown = name
    sub(/^V/, "I", shown)
    scope = name ~ /^V/ ? "nvinfer1::apiv::" : "nvonnxparser::"
    printf "class Unexpected%s : public %s%s {\npublic:\n", substr(name, 2), scope, name
    method = ""
    next
}

name != "" && /^};/ { print "};"; name = ""; next }

name == "" { next }

/virtual/ { method = "" ; open = 1 }

open {
    method = method " " $0
    if ($0 ~ /;[ \t]*$/) {
        open = 0
        gsub(/[ \t]+/, " ", method)
        if (method ~ /~/) next
        gsub(/TRT_NODISCARD |TRT_DEPRECATED |virtual /, "", method)
        sub(/ *= *0 *; *$/, "", method)
        sub(/^ */, "", method)
        match(method, /[A-Za-z0-9_]+\(/)
        result = substr(method, 1, RSTART - 1)
        sub(/ *$/, "", result)
        function_name = substr(method, RSTART, RLENGTH - 1)
        printf "    %s override { return unexpected<%s>(\"%s::%s\"); }\n", method, result, shown, function_name
    }
}
