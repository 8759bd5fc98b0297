// Package expression is the one language in which chains ask questions about messages.
package expression
