// Package body reads and writes the bodies of ThingsBoard's device API, which are the same over MQTT, HTTP and CoAP. It knows
// no topic, no path and no code; key names and the order of keys are those of ThingsBoard's JsonConverter.
//
// What is read comes as an [intake.Value], parsed within the limits of devices.Service.Parse. What is written is strict JSON.
// All functions are safe for concurrent use.
package body
