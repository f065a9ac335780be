"""What is out of the ordinary for whom: habits kept in the lake, points for what departs from them, episodes."""
