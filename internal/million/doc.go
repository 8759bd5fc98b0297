// Command million fills data folders with devices, as many as it is told, and measures a real `gridtie serve` on each:
// start to ready, memory, bytes on disk, and how fast more meters come in.
//
//	go run ./internal/million                                          # 1,000 and 1,000,000 devices: the budgets
//	go run ./internal/million --devices 1000,10000,100000,1000000 --out curve.json
//
// It takes 2 GB, and more than half an hour, nearly all of it to make the devices: --dir keeps them for the next time.
// Devices are made by the verbs of the registry, many in a batch, and have all that the product leaves of a meter that
// has provisioned itself, come back and attached itself: device, credentials, what it reported, what it was told,
// attachment, supply point and when it logged in. Outcomes and history, which age, are left out, and so is when a meter
// was found active and inactive.
//
// The meters that measure the rate are those of conformance/meters, on the same machine. Folders take turns for several
// rounds, so that whatever else the machine does meets all of them, and the best round of each counts.
//
// With --fill DIR it only fills one folder, for somebody who wants to look at a large one.
package main
