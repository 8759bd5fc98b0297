// Package supplypoint reads, checks and masks the identifiers of metering points: the Spanish CUPS and the
// Portuguese CPE (electricity) and CUI (gas). It depends on the standard library only.
//
// Learn three types:
//
//   - [Point] is a checked identifier. It cannot be made from a text that fails a test, and it cannot be printed in
//     clear by accident: every verb of fmt, JSON and text encoding show the mask. [Point.ID] is the deliberate way out.
//   - [Error] says which scheme was tried, which test failed ([Reason]) and how far the text got ([Level]). It holds
//     nothing of the text, and never the check letters that would have been right: a checker that names them is an
//     oracle that turns any number into a valid one.
//   - [Result] is the same answer as a value, for expressions that must not fail.
//
// What the check does not tell: the check letters catch every single wrong digit and every swap of two digits, but the
// valid CUPS of the neighbour passes always. Whether a point exists is for others to say ([LevelExists]).
//
// A CUPS may carry a border-point suffix such as 0F. It names a measuring point of the supply point, not another supply
// point: compare and index by ([Point.Scheme], [Point.ID]) or by [Point.WithoutSuffix], not by the whole value.
//
// All functions are pure and safe for concurrent use; values are immutable. None panics, whatever the text.
package supplypoint
