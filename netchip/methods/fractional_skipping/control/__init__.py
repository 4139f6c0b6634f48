"""Meeting a budget: controllers in training, another budget at run time, a cap on the worst case, the best network within one."""
