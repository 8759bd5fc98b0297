// Package profilefile reads device profiles from files: strict JSON, one profile a file, with every fault of every file told
// at once, in the same words as those of chain files. The format is described for users in docs/profiles.md.
//
// Learn two types: [Set] is what files say, and what of it does not fit its surroundings; [Secrets] finds what a file names
// by {"$secret": "name"}, since no secret stands in a file. Findings never hold a secret, nor what somebody wrote in the
// place of one.
//
// A Set is plain values and not changed once it is read; it may be shared.
package profilefile
