"""Ways of delivery, for real: threads, servers, brokers and workers, each in processes of their own."""
