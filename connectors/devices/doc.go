// Package devices is what a device may do, whatever it speaks: be provisioned, authenticate, post telemetry and
// attributes, read attributes, hear of shared attributes that change, be called and answer, ask and be replied to. A
// protocol's dialect translates its topics, paths and bodies to these calls and nothing more; rules that hold for every
// protocol stand here.
//
// Learn four types:
//
//   - [Service] stands between dialects on one side and registry, engine and intake on the other.
//   - [Session] is one authenticated device. It posts and reads; once opened, or attached, with the [Client] that leads
//     back to the device, it is also reachable, and is told when it has to end.
//   - [Calls] is what is on its way between this process and devices, for the nodes of chains that call and reply.
//   - [Provisioner] carries a provisioning request's decision between the chain that makes it and the device that
//     waits for it.
//
// # What a dialect calls
//
//	ask for credentials           Service.Provision
//	who is it                     Service.AuthenticateFrom; by token alone: Service.AuthenticateToken
//	may it speak this at all      Session.Allow (HTTP does not ask)
//	post                          Session.PostTelemetry, Session.PostAttributes
//	read attributes               Session.Attributes
//	a connection                  Session.Open with a Client, Session.Close
//	an observation                Session.Attach with a Client, Session.Close
//	hear of shared attributes     Session.Subscribe → Client.SharedChanged
//	be called                     Session.SubscribeCalls → Client.Called, then Session.Delivered
//	answer a call                 Session.Answer
//	a poll                        Session.NextChange, Session.NextCall: attach, wait for one, and close
//	ask the server                Session.Ask
//	load firmware or software     Session.Package, then Package.Read
//	speak for other devices       Session.Gateway, then Gateway.Sessions
//
// A connection and an observation differ in this: a device has one connection, a new one ends the old one, and the chains
// are told of it (CONNECT_EVENT, DISCONNECT_EVENT). Both end by Client.Close when the device is deleted or gets other
// credentials. Changes are told to all that subscribed. A call goes to one: to the connection if it takes calls, else to the
// oldest observation or poll that does.
//
// # What an acknowledgement means
//
// Whoever posts is told the fate of the message once that fate is on disk. engine.Done and engine.DeadLettered are to be
// acknowledged: the message is processed, or kept whole for an operator, and sending it again would not help.
// engine.Abandoned is not: the device has to repeat. The answer to a call that is kept is acknowledged likewise.
//
// # Calls
//
// Calls of one device go out one after another: the next one when Session.Delivered was called for the one before. One that
// is not delivered within Limits.DeliveryTimeout, or whose session ends before, is sent again, with the same id. A device
// that does not take calls is waited for until the call's time is over. Persistent calls lie in the registry: they survive a
// restart, and keep the id under which the device has seen them.
//
// # What a wrong secret costs
//
// Whoever presents too many wrong secrets is not looked at for a while ([ErrThrottled], [Status.Throttled]); Limits say how
// many. It is counted by the address that a dialect names, so that nobody can lock out a device from elsewhere; a dialect
// that names none has all its peers counted as one. The rules stand in throttle.go.
//
// # Concurrency and lifetime
//
// All types are safe for concurrent use. A Service hooks into its registry for as long as that lives. It has a goroutine for
// a device only while something goes out to it, and a timer while devices are active; Close ends them, after the sessions and
// before the registry. Functions named done or reply are called once, from any goroutine, and must not block.
package devices
