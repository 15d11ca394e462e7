"""The same jobs as the users of task queues would write them, each measured in processes of its own."""
