// Package coap is ThingsBoard's device API over CoAP: the paths, codes and formats of its class CoapTransportResource, for
// devices that do not know that they speak to Gridtie.
//
// Learn one type: a [Dialect] is a coapserver.Handler. It translates requests to calls of devices.Service; bodies are those of
// package body.
//
// A device says who it is by the access token in its path. One that came over DTLS with a certificate or a pre-shared key has
// said it already, and leaves the token out. A POST is answered when its fate is on disk.
//
// Anybody can send over UDP with the address of somebody else. Wrong tokens from addresses at which nobody is proved to be are
// therefore counted together, not against the address. When there are too many of them, whoever comes from such an address is
// looked for by a ping first.
//
// What differs from ThingsBoard is told in docs/compatibility.md.
//
// All methods are safe for concurrent use. A Dialect starts no goroutine; its observations end with the server's.
package coap
