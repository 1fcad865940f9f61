"""What older runs still give: tasks taken over, done once more, reproduced."""
