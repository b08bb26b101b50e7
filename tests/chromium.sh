#!/bin/sh
# Print the path of a Chromium for the tests; get one where there is none, or fail and say what to do.
set -eu
cd "$(dirname "$0")/.."
here="$PWD/.venv/chromium"

say() { echo "$*" >&2; }
works() { [ -x "$1" ] && "$1" --version >/dev/null 2>&1; }
found() { if works "$1"; then echo "$1"; exit 0; fi; }

installed() {
  for name in chromium chromium-browser google-chrome google-chrome-stable; do
    path="$(command -v "$name" || true)"
    [ -z "$path" ] || found "$path"
  done
  found "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
  found "$here/chromium"
}

from_distribution() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  say "Installing chromium"
  apt-get update -qq >&2 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null
}

# A build that brings its libraries along, so that nobody needs to be root. Node unpacks it, and is not used for more.
from_npm() {
  version=147.0.0
  digest=e1929e01041af2ea769adebbe6a4a2b73b4b75b42b95ff0129d0b99da79aa7ee4cbf5395d4e94974fa14f84242fe9e6c414254426378afeab9f8485a68e507a5
  [ "$(uname -sm)" = "Linux x86_64" ] && command -v npm >/dev/null && command -v node >/dev/null || return 1
  say "Fetching Chromium $version"
  rm -rf "$here" && mkdir -p "$here" || return 1
  (
    cd "$here"
    archive="$(npm pack --silent "@sparticuz/chromium@$version" 2>/dev/null)"
    echo "$digest  $archive" | sha512sum --check --quiet >&2
    tar -xzf "$archive" --strip-components=2 package/bin
    rm "$archive"
    for packed in *.br; do
      node -e 'require("stream").pipeline(process.stdin, require("zlib").createBrotliDecompress(), process.stdout, (e) => process.exit(e ? 1 : 0))' \
        <"$packed" >"${packed%.br}"
      rm "$packed"
    done
    mv chromium binary && chmod +x binary
    for packed in *.tar; do tar -xf "$packed" && rm "$packed"; done
    printf '#!/bin/sh\nhere="$(dirname "$0")"\nLD_LIBRARY_PATH="$here/lib" exec "$here/binary" "$@"\n' >chromium
    chmod +x chromium
  )
}

from_playwright() {
  say "Fetching Playwright's Chromium"
  .venv/bin/playwright install chromium >&2 || return 1
  path="$(.venv/bin/python -c 'from playwright.sync_api import sync_playwright as s
with s() as p: print(p.chromium.executable_path)')"
  found "$path"
  return 1
}

if [ -n "${CHROMIUM:-}" ]; then
  found "$CHROMIUM"
  say "CHROMIUM is set to $CHROMIUM, which does not run."
  exit 1
fi
installed
from_distribution || from_npm || from_playwright || true
installed
say "The tests need Chromium, and none could be had."
say "Install it (Debian: apt-get install chromium) or set CHROMIUM to the path of a Chromium or Chrome."
exit 1
