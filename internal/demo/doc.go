// Package demo shows the whole product at work: it starts a real server on free ports, simulates a fleet of meters that
// talk MQTT to it, and compares what the registry holds at the end with what was planned.
//
// Learn two types: [Options] says how many meters and which seed, [Report] is what came out. [Run] does it all.
//
// The plan is made before the first meter connects, and depends on seed and number of meters alone: which supplier and
// grid a meter belongs to, how it is faulty if it is, and which outcomes it must end with. Keys and tokens are random.
// Meters are paho clients, so that nothing of ours sits on both ends of the wire. All supply points are synthetic.
//
// Run blocks, cleans up behind itself, and leaves no goroutine; a context that ends stops it at once.
package demo
