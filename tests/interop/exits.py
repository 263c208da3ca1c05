NAME="exits"
def cases(*a): return []
