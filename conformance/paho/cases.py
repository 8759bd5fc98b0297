"""Runs tests of the Paho interoperability suites, which lie in a folder elsewhere, each against a server of its own.

run SUITE SERVER [--suite v3|v5|both] [--repeat N] [--only NAME]: a line for each test, and how many passed.
one SUITE MODULE TEST PORT: one test; exit code 0 if it passed.
"""

import argparse
import ast
import concurrent.futures
import importlib
import pathlib
import subprocess
import sys
import time
import unittest

AT_ONCE = 8  # tests mostly sleep
LONGEST = 120  # seconds for one test; some would wait for ever
MODULES = {"v3": ["client_test"], "v5": ["client_test5"], "both": ["client_test", "client_test5"]}

# What the suites' own command line sets, and nothing does when they are imported.
NAMES = {
    "topics": ("TopicA", "TopicA/B", "Topic/C", "TopicA/C", "/TopicA"),
    "wildtopics": ("TopicA/+", "+/C", "#", "/#", "/+", "+/+", "TopicA/#"),
    "nosubscribe_topics": ("test/nosubscribe",),
    "topic_prefix": "client_test5/",
}


def one(suite, module, test, port):
    """Runs a test in this process. One that was skipped has not passed."""
    sys.path.insert(0, suite)
    sys.argv = [module]
    loaded = importlib.import_module(module)
    for name, value in {"host": "127.0.0.1", "port": int(port), **NAMES}.items():
        setattr(loaded, name, value)
    result = unittest.TextTestRunner(stream=sys.stderr).run(unittest.TestSuite([loaded.Test(test)]))
    return result.wasSuccessful() and not result.skipped


def tests(suite, module):
    """The names of a module's tests, in their order, without importing it."""
    tree = ast.parse(pathlib.Path(suite, module + ".py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == "Test":
            yield from (f.name for f in node.body if isinstance(f, ast.FunctionDef) and f.name.startswith("test"))


def reason(output):
    """The line that says most about a failure."""
    lines = [line.strip() for line in output.splitlines() if "Error" in line.split(":")[0] or "timeout" in line]
    telling = [line for line in lines if line != "AssertionError: False != True"]
    return (telling or lines or output.splitlines() or ["no output"])[-1][:200]


def attempt(suite, server, module, test):
    """Runs a test against a fresh server. Gives why it failed, or nothing, and how long it took."""
    begun = time.monotonic()
    with subprocess.Popen([server, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True) as serving:
        try:
            port = serving.stdout.readline().strip().rpartition(":")[2]
            case = subprocess.run(
                [sys.executable, "-B", __file__, "one", suite, module, test, port],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                timeout=LONGEST, check=False,
            )
            failure = reason(case.stdout) if case.returncode else ""
        except subprocess.TimeoutExpired:
            failure = f"not done after {LONGEST} s"
        if serving.poll() is not None:
            failure = f"the server ended with {serving.returncode}"
        serving.terminate()
    return failure, time.monotonic() - begun


def run(suite, server, wanted):
    """Runs all that is wanted and prints it. Gives whether all passed."""
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        going = {
            pool.submit(attempt, suite, server, module, test): (module, test) for module, test in wanted
        }
        for done in concurrent.futures.as_completed(going):
            failure, took = done.result()
            print(f"{'FAIL' if failure else 'ok':4} {' '.join(going[done]):45} {took:5.1f} s  {failure}".rstrip(), flush=True)
            passed, failed = passed + (not failure), failed + bool(failure)
    print(f"{passed} passed, {failed} failed")
    return not failed


def main():
    if sys.argv[1] == "one":
        return one(*sys.argv[2:])
    parser = argparse.ArgumentParser(prog="paho")
    parser.add_argument("--suite", choices=MODULES, default="both")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--only")
    options = parser.parse_args(sys.argv[4:])
    wanted = [
        (module, test)
        for module in MODULES[options.suite]
        for test in tests(sys.argv[2], module)
        if options.only in (None, test)
    ]
    if options.repeat < 1 or not wanted:
        parser.error("--repeat is at least 1" if wanted else f"no test is called {options.only}")
    return run(sys.argv[2], sys.argv[3], wanted * options.repeat)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
