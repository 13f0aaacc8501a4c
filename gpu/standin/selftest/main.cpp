#include <cstdlib>

#include "check.h"

std::vector<TestCase>& tests() {
    static std::vector<TestCase> all;
    return all;
}

int& failures() {
    static int count = 0;
    return count;
}

int main(int argc, char** argv) {
    int run = 0;
    for (const TestCase& test : tests()) {
        if (argc > 1 && std::string(test.name).find(argv[1]) == std::string::npos) continue;
        const int before = failures();
        test.run();
        ++run;
        std::printf("%s %s\n", failures() == before ? "ok    " : "FAILED", test.name);
    }
    std::printf("%d tests, %d failures\n", run, failures());
    return failures() == 0 && run > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
