// Package devices is what a device may do, whatever it speaks: be provisioned, authenticate, post telemetry and
// attributes, read attributes, hear of shared attributes that change. A protocol's dialect translates its topics, paths
// and bodies to these calls and nothing more; rules that hold for every protocol stand here.
//
// Learn three types:
//
//   - [Service] stands between dialects on one side and registry, engine and intake on the other.
//   - [Session] is one authenticated device. It posts and reads; once opened with the [Client] that leads back to the
//     device, it is also reachable, and is told when it has to end.
//   - [Provisioner] carries a provisioning request's decision between the chain that makes it and the device that
//     waits for it.
//
// # What an acknowledgement means
//
// Whoever posts is told the fate of the message once that fate is on disk. engine.Done and engine.DeadLettered are to be
// acknowledged: the message is processed, or kept whole for an operator, and sending it again would not help.
// engine.Abandoned is not: the device has to repeat.
//
// # What a wrong secret costs
//
// Whoever presents too many wrong secrets is not looked at for a while ([ErrThrottled], [Status.Throttled]); Limits say how
// many. It is counted by the address that a dialect names, so that nobody can lock out a device from elsewhere; a dialect
// that names none has all its peers counted as one. The rules stand in throttle.go.
//
// # Concurrency and lifetime
//
// All types are safe for concurrent use. A Service starts no goroutine and needs no closing; it hooks into its registry
// for as long as that lives. Functions named done are called once, from any goroutine, and must not block.
package devices
