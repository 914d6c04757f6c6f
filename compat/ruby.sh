#!/usr/bin/env bash
# Debian's Ruby client, ruby-elasticsearch: the commands are in ruby.rb.
#
#     compat/ruby.sh [URL]
source "$(dirname "$0")/common.sh"

need_debian ruby ruby-elasticsearch
ruby "$here/ruby.rb" "$url" "$prefix"
echo "ok: ruby"
