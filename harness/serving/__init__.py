"""What answers a query: LoadGen, samples, the system under test, the threads or processes around it."""
