// Package single is what stores of one process share: [Written], the table of last writes that checks are compared with,
// and [Gate], by which closing waits for the calls under way. Both say in their comments who may call them at once.
package single
