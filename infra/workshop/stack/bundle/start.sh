#!/bin/sh
# Starts the workshop from this folder, without a network: unpacks the project, makes its environment, starts the stack.
# Usage: sh start.sh [FOLDER] [options of `workshop up`]      FOLDER: where the project goes (default: ~/kafka-workshop)
set -eu
stick=$(cd "$(dirname "$0")" && pwd -P)
fail() {
  printf '%s\n→ %s\n' "$1" "$2" >&2
  exit 1
}
folder=${HOME:-.}/kafka-workshop
case "${1:-}" in
-h | --help)
  sed -n '2,3s/^# //p' "$0"
  exit 0
  ;;
'' | -*) ;;
*)
  folder=$1
  shift
  ;;
esac

[ -f "$stick/SHA256SUMS" ] ||
  fail "$stick is not a complete bundle: SHA256SUMS is missing." "Copy the bundle to the stick again."
if [ ! -x "$folder/infra/bootstrap.sh" ]; then
  [ ! -e "$folder" ] || [ -z "$(ls -A "$folder" 2>/dev/null)" ] ||
    fail "$folder exists and is not the workshop." "Name another folder: sh $0 FOLDER"
  cd "$stick"
  wanted=$(sed -n 's/  project\.tar\.gz$//p' SHA256SUMS)
  found=$( (sha256sum project.tar.gz 2>/dev/null || shasum -a 256 project.tar.gz 2>/dev/null) | cut -d ' ' -f 1)
  [ -n "$wanted" ] && [ "$wanted" = "$found" ] ||
    fail "project.tar.gz of the bundle $stick is damaged or missing." "Copy the bundle to the stick again."
  cd - >/dev/null
  rm -rf "$folder.part"
  { mkdir -p "$folder.part" && tar -xzf "$stick/project.tar.gz" -C "$folder.part"; } 2>/dev/null ||
    fail "The project could not be unpacked into $folder." \
      "Check the free space and your write permission, or name another folder: sh $0 FOLDER"
  rmdir "$folder" 2>/dev/null || true
  mv "$folder.part" "$folder"
fi
exec "$folder/infra/bootstrap.sh" --bundle "$stick" "$@"
