// Package enrich holds the node kinds that add to a message what is known of its device: [Attributes] adds attributes and
// latest readings, [Device] what the registry says of the device itself. They write nothing.
package enrich
