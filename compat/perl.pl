# What perl.sh runs: documents, conditions, bulks, searches and scrolls as a Perl program asks for them.

use v5.20;
use strict;
use warnings;
use utf8;

use Search::Elasticsearch;

my ($url, $prefix) = @ARGV;
my $client = Search::Elasticsearch->new(nodes => [$url]);
my $index = "$prefix-books";

sub check {
    my ($what, $found, $expected) = @_;
    die "$what: found [$found], expected [$expected]\n" unless $found eq $expected;
}

# The error must be of this kind.
sub refused {
    my ($kind, $request) = @_;
    eval { $request->(); 1 } and die "expected $kind\n";
    die $@ unless ref $@ and $@->is($kind);
}

say "client $Search::Elasticsearch::VERSION, server says ", $client->info->{version}{number};
$client->indices->create(
    index => $index,
    body  => { mappings => { properties => { title => { type => 'keyword' }, year => { type => 'integer' } } } },
);
check('exists', $client->indices->exists(index => $index), 1);

my $made = $client->index(index => $index, id => 'a/ä', body => { title => 'Dune', year => 1965 });
check('created', $made->{result}, 'created');
my $read = $client->get(index => $index, id => 'a/ä');
check('source', "$read->{_source}{title} $read->{_source}{year}", 'Dune 1965');
my %condition = (if_seq_no => $read->{_seq_no}, if_primary_term => $read->{_primary_term});
$client->index(index => $index, id => 'a/ä', body => { title => 'Dune', year => 1966 }, %condition);
refused('Conflict', sub { $client->index(index => $index, id => 'a/ä', body => { title => 'lost' }, %condition) });
refused('Conflict', sub { $client->create(index => $index, id => 'a/ä', body => {}) });
$client->update(index => $index, id => 'a/ä', body => { doc => { pages => 412 } });
my $source = $client->get_source(index => $index, id => 'a/ä');
check('update', join(' ', map { "$_=$source->{$_}" } sort keys %$source), 'pages=412 title=Dune year=1966');
refused('Missing', sub { $client->get(index => $index, id => 'none') });
check('missing', $client->exists(index => $index, id => 'none') ? 1 : 0, 0);

my $bulk = $client->bulk_helper(index => $index, max_count => 250, on_error => sub { die "refused: @_\n" });
$bulk->index({ id => $_, source => { title => 'Volume ' . $_ % 10, year => $_ } }) for 1 .. 1000;
$bulk->flush;
# A document that is there already is a conflict of its own, and the others are written.
my $conflicts = 0;
my $create = $client->bulk_helper(index => $index, on_conflict => sub { $conflicts++ });
$create->create({ id => $_, source => { year => $_ } }) for 991 .. 1010;
$create->flush;
check('conflicts', $conflicts, 10);
$client->indices->refresh(index => $index);
check('count', $client->count(index => $index)->{count}, 1011);

my $found = $client->search(
    index => $index,
    body  => {
        query => { bool => { filter => [{ term => { title => 'Volume 3' } }, { range => { year => { gte => 500 } } }] } },
        sort  => [{ year => 'desc' }],
        size  => 5,
    },
);
check('hits', join(' ', map { $_->{_source}{year} } @{ $found->{hits}{hits} }), '993 983 973 963 953');

my $scroll = $client->scroll_helper(index => $index, size => 300, body => { sort => ['_doc'] });
my %seen;
while (my $hit = $scroll->next) { $seen{ $hit->{_id} }++ }
check('scroll', scalar(keys %seen), 1011);

my $many = $client->mget(index => $index, body => { ids => ['1', '2', 'none'] });
check('mget', join(' ', map { $_->{found} ? 1 : 0 } @{ $many->{docs} }), '1 1 0');
my $gone = $client->delete_by_query(index => $index, body => { query => { term => { title => 'Volume 3' } } });
check('delete by query', "$gone->{deleted} $gone->{version_conflicts}", '100 0');
check('delete', $client->delete(index => $index, id => 'a/ä')->{result}, 'deleted');
check('rest', $client->count(index => $index)->{count}, 910);
check('health', $client->cluster->health->{number_of_nodes}, 1);
$client->indices->delete(index => $index);
