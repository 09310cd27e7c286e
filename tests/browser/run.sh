#!/bin/sh
# run.sh STORY...: the stories of this folder, one after the other, at the state
# whose folder is in SIGNET_STATE. Installs what they stand on, once.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here"
(
    # Two tests at once install once.
    flock 9
    [ -d node_modules/playwright-core ] && [ -d node_modules/axe-core ] || npm ci --no-audit --no-fund >/dev/null
) 9>"${TMPDIR:-/tmp}/signet-browser-modules.lock"
for story; do
    echo "== $story"
    node "$here/$story.mjs"
done
