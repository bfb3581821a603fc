"""The way of a post, one module per step, in their order; `way` walks them. Begin there."""
