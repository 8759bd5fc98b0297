// Package action holds the node kinds that write: [Provision] and [Refuse] decide on a device that asks to be let in,
// [Attach] attaches a meter to supplier and grid, [SaveAttributes] and [SaveTimeseries] keep what a device sent,
// [ReportOutcome] tells the device what came of it, and [Log] tells the operator.
//
// What a kind needs done it declares as a small interface; the registry satisfies most of them. The verbs behind them
// find the transaction of the run in the context, so that everything a run writes is applied together with its fate, or
// not at all. Nodes hold only immutable fields, except action.log, which counts its lines under a lock.
package action
