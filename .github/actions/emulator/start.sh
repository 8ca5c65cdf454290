#!/usr/bin/env bash
# Starts an emulator on free ports, which runs until the end of the job, and sets its variables for the next
# steps. No variable is a secret: the keys are published.
set -euo pipefail
fail() { echo "::error::$*"; exit 1; }
SECONDS_TO_START=60

options=(--http-port 0 --https-port 0 -o json)
[ -z "$SEED" ] || options+=(--seed "$SEED")
[ -z "$TOKEN_LIFE" ] || options+=(--token-life "$TOKEN_LIFE")
said=$RUNNER_TEMP/acspass-emulator.json
log=$RUNNER_TEMP/acspass-emulator.log
rm -f "$said"
nohup acspass emulator "${options[@]}" >"$said" 2>"$log" </dev/null &
emulator=$!
until [ -s "$said" ]; do
    kill -0 "$emulator" 2>/dev/null || { cat "$log"; fail "the emulator did not start"; }
    [ "$SECONDS" -lt "$SECONDS_TO_START" ] || { cat "$log"; fail "the emulator did not start within $SECONDS_TO_START s"; }
    sleep 0.1
done
ACSPASS_EMULATOR_URL=$(sed -n 's/.*"httpUrl":"\([^"]*\)".*/\1/p' "$said")
export ACSPASS_EMULATOR_URL
variables=$(acspass emulator env)
eval "$variables"
# A value cannot end the block early and name a variable of its own, since nothing knows this word.
word=end_$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
sed -n 's/^export \([A-Z_]*\)=.*/\1/p' <<<"$variables" | while read -r name; do
    printf '%s<<%s\n%s\n%s\n' "$name" "$word" "${!name}" "$word"
done >>"$GITHUB_ENV"
echo "url=$ACSPASS_EMULATOR_URL" >>"$GITHUB_OUTPUT"
echo "The emulator runs at $ACSPASS_EMULATOR_URL."
