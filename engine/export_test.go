package engine

// Workers is how many goroutines walk messages, or wait for some.
func (e *Engine) Workers() int { return len(e.pool.snapshot()) }
