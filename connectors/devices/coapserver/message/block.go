package message

// Block is the value of the options Block1 and Block2 (RFC 7959 section 2.2).
type Block struct {
	Number uint32 // of the block, from 0; at most 1<<20 - 1
	More   bool
	Size   Size
}

// Size is the size of a block, as its exponent: 0 is 16 bytes, 6 is 1,024 bytes. 7 is reserved.
type Size byte

// The sizes that a block can have.
const (
	Smallest Size = 0
	Largest  Size = 6
)

// Bytes is the size in bytes.
func (s Size) Bytes() int { return 16 << s }

// Offset is where in the body the block begins.
func (b Block) Offset() int { return int(b.Number) * b.Size.Bytes() }

// Block is the value of a block-wise option. sound is false if it has a reserved size.
func (o Options) Block(n Number) (b Block, present, sound bool) {
	v, ok := o.Uint(n)
	if !ok {
		return Block{}, false, true
	}
	b = Block{Number: v >> 4, More: v&8 != 0, Size: Size(v & 7)}
	return b, true, b.Size <= Largest
}

// AddBlock adds a block-wise option. Options must be added in the order of their numbers.
func (o Options) AddBlock(n Number, b Block) Options {
	v := b.Number<<4 | uint32(b.Size)
	if b.More {
		v |= 8
	}
	return o.AddUint(n, v)
}
