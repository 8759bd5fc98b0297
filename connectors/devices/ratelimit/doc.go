// Package ratelimit keeps how often somebody has done something: token buckets that fill evenly, as ThingsBoard's (bucket4j)
// do, for as many keys as there are.
//
// Learn three types: a [Set] is what may be counted of one key, each in buckets of its own; a [Claim] asks a key's Set for so
// much; a [Table] holds the buckets of all keys. It grants claims together or not at all, so that who is refused by one limit
// does not use up another.
//
// A bucket is one number: the time at which it will be full. A key of which all buckets are full is as good as one that was
// never seen, so that a Table forgets a key when nothing has been heard of it for the longest period of any Set.
//
// A Table is safe for concurrent use and starts nothing. A Set is not changed once it is made.
package ratelimit
