// Package thingsboard is the dialect of ThingsBoard devices: their topics and bodies, translated to calls of package
// devices. What it answers is what ThingsBoard's MqttTransportHandler answers, as far as a device can tell; an unmodified
// ThingsBoard client works.
//
// Learn one type: [Dialect] is a mqttserver.Dialect. It claims every connection, so it has to be the last of several.
//
// Which topic means what stands in two tables, publishes and filters. What is not in them is acknowledged and dropped
// (a PUBLISH) or refused (a filter), as ThingsBoard does.
//
// Where it is better than ThingsBoard on purpose: an acknowledgement means that the message's fate is on disk;
// ThingsBoard sends it when the message is queued. An empty provisioning request closes the connection instead of
// getting an answer in Protobuf.
//
// A Dialect is safe for concurrent use, starts no goroutine and needs no closing.
package thingsboard
