"""The program at the far end of a connection: the text of these modules is sent, and the device's own Python runs it.

It needs nothing but Python's standard library, and is all that runs there before the harness is installed. A request is a line
of JSON on standard input, `{"do": NAME, ...}`, for some with bytes behind it; an answer is one or more lines on standard
output. No shell hears a word of it. All lies in one folder:

    blobs/SHA256            files as they came
    trees/ID/...            a model or a data set: hard links to blobs, under their own names
    deps/KEY/               what the harness needs, installed from wheels
    envs/KEY/               the harness itself: a venv that sees one of deps/
    jobs/NAME/              a run: job.json, process.json, run/ (its directory), log, ended.json
    cache/                  the harness's cache
"""
