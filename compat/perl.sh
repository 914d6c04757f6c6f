#!/usr/bin/env bash
# Debian's Perl client, libsearch-elasticsearch-perl: the commands are in perl.pl.
#
#     compat/perl.sh [URL]
source "$(dirname "$0")/common.sh"

need_debian perl libsearch-elasticsearch-perl
perl "$here/perl.pl" "$url" "$prefix"
echo "ok: perl"
