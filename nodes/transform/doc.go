// Package transform holds the node kinds that change a message: its payload, metadata or type. They write nothing and
// look nothing up beyond what expressions may. [Expr] is all there is; what travels beside a payload (the digest of the
// supplier key) travels on.
package transform
