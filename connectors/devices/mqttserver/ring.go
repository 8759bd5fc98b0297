package mqttserver

// ring is a queue that reuses its memory.
type ring[T any] struct {
	items []T
	head  int
	n     int
}

func (r *ring[T]) at(i int) *T { return &r.items[(r.head+i)%len(r.items)] }

func (r *ring[T]) push(v T) {
	if r.n == len(r.items) {
		bigger := make([]T, max(4, 2*r.n))
		for i := range r.n {
			bigger[i] = *r.at(i)
		}
		r.items, r.head = bigger, 0
	}
	r.n++
	*r.at(r.n - 1) = v
}

func (r *ring[T]) pop() T {
	var zero T
	v := *r.at(0)
	*r.at(0) = zero
	r.head = (r.head + 1) % len(r.items)
	r.n--
	return v
}

// remove takes out the item at i and keeps the order of the others.
func (r *ring[T]) remove(i int) T {
	if i == 0 {
		return r.pop()
	}
	var zero T
	v := *r.at(i)
	for ; i < r.n-1; i++ {
		*r.at(i) = *r.at(i + 1)
	}
	*r.at(i) = zero
	r.n--
	return v
}
